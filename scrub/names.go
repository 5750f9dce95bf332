package scrub

import "strings"

// trust says how far a name alone makes its value a secret.
type trust uint8

const (
	trustNone   trust = iota
	trustWeak         // a value that looks generated
	trustStrong       // any value that is no reference
)

const (
	maxName     = 80 // bytes of a name that are judged, from its end
	maxSegments = 16
)

// nameParts are the words of a name in lower case: dbPassword, DB_PASSWORD and db-password all are "db", "password".
type nameParts struct {
	buf  [maxName]byte
	seg  [maxSegments][2]uint8
	n    int
	name string
}

func (p *nameParts) word(i int) []byte {
	if i < 0 || i >= p.n {
		return nil
	}
	return p.buf[p.seg[i][0]:p.seg[i][1]]
}

// split fills p; of names with more words than fit, the last ones stay.
func (p *nameParts) split(name string) {
	if len(name) > maxName {
		name = name[len(name)-maxName:]
	}
	p.n, p.name = 0, name
	start := 0
	cut := func(end int) {
		if end > start {
			if p.n == maxSegments {
				copy(p.seg[:], p.seg[1:])
				p.n--
			}
			p.seg[p.n] = [2]uint8{uint8(start), uint8(end)}
			p.n++
		}
	}
	for i := range len(name) {
		b := name[i]
		p.buf[i] = lower(b)
		switch {
		case !is(b, ccAlnum) && b < 0x80:
			cut(i)
			start = i + 1
		case i > 0 && is(b, ccUpper) && (is(name[i-1], ccLower) || i+1 < len(name) && is(name[i-1], ccUpper) && is(name[i+1], ccLower)):
			cut(i)
			start = i
		}
	}
	cut(len(name))
}

// set is a set of words.
type set map[string]struct{}

func words(s string) set {
	m := set{}
	for _, w := range strings.Fields(s) {
		m[w] = struct{}{}
	}
	return m
}

func (s set) has(w []byte) bool { _, ok := s[string(w)]; return ok }

var (
	// A name that ends in one of these speaks about a secret and holds none.
	aboutWords = words(`id ids name names path paths file files filename dir directory folder url urls uri uris endpoint
		count counts counter limit limits length len size sizes type types kind ttl expiry expires expire exp expiration
		expired age policy policies hint version versions ref refs reference index usage used budget field fields label
		labels prompt prompts total max min rate cost costs rotation enabled disabled required optional reset store
		provider manager arn status state at in on format algorithm alg alg strength placeholder header headers env var
		vars variable changed created updated modified date time timestamp timeout duration interval description desc
		title text message msg error errors input inputs output pattern regex regexp rule rules scope scopes audience
		issuer mode method methods flow source sources stdin fd command cmd helper callback handler service server
		client class func function factory generator validator verifier parser reader writer page screen form view test
		tests mock through fail failed only list map table row column window stream streams bytes bits stats metrics
		parallelism estimate remaining per second minute hour day visible shown hidden strategy config prefix suffix
		separator sep pair pairs event events scanning scan push protection engine backend driver`)

	// key: with these before it a key is a secret …
	keyBefore = words(`api access secret private encryption encrypt decryption signing sign master auth account storage
		shared admin hmac aes jwt consumer ssh license licence deploy service app application client webhook
		subscription integration functions host root vault ingest server webhook host secretaccess sas unseal recovery
		functionapp cosmos bot team rsa dsa ecdsa ed25519 pgp gpg crypto`)
	// … and with these it is a key into something.
	keyNotSecret = words(`public pub primary foreign cache sort partition row hash range object s3 composite unique
		idempotency dedupe dedup group grouping routing map dict index lock i18n translation locale event message field
		query state storage_key tab next prev arrow hot short shortcut react item list sub parent child data json
		config column search user session cookie block tag label metric sorting natural surrogate lookup entry
		registry meta metadata option settings prop property registry enter escape host known trusted publish
		publishable anon site recv fingerprint`)

	// token: with these before it a token is a word of text or a place in a list.
	tokenNotSecret = words(`next page pagination continue continuation cancellation cancel eos bos pad unk special stop
		mask sep cls start end begin sync delimiter design lookahead max min num total input output prompt completion
		cached cache reasoning per current last first syntax operator lex lexer parse parser string number word
		identifier punctuation keyword sub budget used avg average thinking`)

	passBefore = words(`db database user root smtp mysql pg postgres ssh admin ftp mail email redis my login http https
		proxy vault rabbitmq mongo store key trust keystore truststore sudo wifi ldap imap bind test svc service app
		oracle basic auth amqp rabbit mq sftp web jenkins nexus git docker registry become ansible`)
	passGlued = words(`db user root smtp mysql pg ssh admin ftp mail redis my login http proxy vault mongo store key ldap
		imap bind keystore truststore storepass sudo wifi sftp`)
	passOther    = words("first second third last one two single multi double all num number by any test tests render low high band boarding bus ski season")
	phraseBefore = words("seed recovery secret mnemonic backup wallet key pass")
	dataBefore   = words("key")
)

// saidWords begin the names of texts for people: forgotPassword: "Forgot your password?".
var saidWords = words("forgot show hide toggle wrong missing")

// gluedSuffixes are secret words at the end of a word that nothing separates: pgpassword, authtoken, myapikey.
var gluedSuffixes = []struct {
	text, kind string
}{
	{"password", kindPassword},
	{"passwd", kindPassword},
	{"passphrase", kindPassword},
	{"passcode", kindPassword},
	{"secret", kindSecret},
	{"token", kindToken},
	{"apikey", kindAPIKey},
	{"accesskey", kindAPIKey},
	{"secretkey", kindAPIKey},
	{"accountkey", kindAPIKey},
	{"sharedkey", kindAPIKey},
	{"authkey", kindAPIKey},
	{"masterkey", kindAPIKey},
	{"licensekey", kindAPIKey},
	{"signingkey", kindPrivateKey},
	{"encryptionkey", kindPrivateKey},
	{"privatekey", kindPrivateKey},
	{"privkey", kindPrivateKey},
	{"pwd", kindPassword},
	{"credentials", kindCredential},
}

// nameStems are in every name that says secret.
var nameStems = func() *automaton {
	var k []keyword
	for stem := range strings.FieldsSeq("pass pwd pw psw pasw paswo pssw secret token key auth cred cookie sig bearer mnemonic phrase words seed salt psk jwt otp pat code") {
		k = append(k, keyword{text: stem})
	}
	a, err := newAutomaton(k)
	if err != nil {
		panic(err)
	}
	return a
}()

// judgeName says what a name makes of its value.
func judgeName(name string) (kind string, t trust) {
	switch name {
	case "OLDPWD":
		return "", trustNone
	case "PWD", "PASS": // the working directory, and what test runners say, as often
		return kindPassword, trustWeak
	}
	if !nameStems.in(name) { // most names
		return "", trustNone
	}
	var p nameParts
	p.split(name)
	if p.n == 0 {
		return "", trustNone
	}
	last := p.word(p.n - 1)
	for len(last) > 2 && is(last[len(last)-1], ccDigit) { // password2, API_KEY1
		last = last[:len(last)-1]
	}
	if first := p.word(0); p.n > 1 && saidWords.has(first) {
		return "", trustNone
	}
	n := p.n
	if len(last) == 0 || is(last[0], ccDigit) && n > 1 { // DB_PASSWORD_1
		n--
		last = p.word(n - 1)
	}
	if kind, t = judgeLast(&p, n, last); t != trustNone || aboutWords.has(last) {
		return kind, t
	}
	return judgeInner(&p, n)
}

// A verdict is what a last word says by itself.
type verdict struct {
	kind  string
	trust trust
}

// lastWords are the last words of names that need no look at the word before.
var lastWords = func() map[string]verdict {
	m := map[string]verdict{}
	add := func(kind string, t trust, list string) {
		for w := range strings.FieldsSeq(list) {
			m[w] = verdict{kind, t}
		}
	}
	add(kindPassword, trustStrong, `password passwords passwd passphrase passcode pwd psw pswd pw psk sshpass requirepass masterauth
		passwort passwrd passwrod pasword paswd paswrd psswd psword pswrd`)
	add(kindToken, trustWeak, "tokens")
	add(kindAuthorization, trustStrong, "authorization")
	add(kindCookie, trustStrong, "cookie")
	add(kindCookie, trustWeak, "cookies")
	add(kindCredential, trustStrong, "credential credentials cred creds")
	add(kindCredential, trustWeak, "auth authentication bearer")
	add(kindSignature, trustWeak, "signature sig")
	add(kindSecret, trustStrong, "mnemonic")
	add(kindSecret, trustWeak, "salt")
	add(kindToken, trustWeak, "otp totp")
	return m
}()

// judgeLast judges by the last word, which carries the meaning: a secret, or something about one.
func judgeLast(p *nameParts, n int, last []byte) (string, trust) {
	if v, ok := lastWords[string(last)]; ok {
		return v.kind, v.trust
	}
	prev := p.word(n - 2)
	switch string(last) {
	case "pass":
		if n == 1 || passBefore.has(prev) || isEnvName(p.name) && !passOther.has(prev) {
			return kindPassword, trustStrong
		}
		return kindPassword, trustWeak
	case "secret", "secrets":
		if string(prev) == "existing" { // of a Helm chart: the name of a Secret
			return "", trustNone
		}
		return kindSecret, trustStrong
	case "token", "jwt", "pat":
		if tokenNotSecret.has(prev) {
			return "", trustNone
		}
		if string(last) == "pat" { // a pattern, as often
			return kindToken, trustWeak
		}
		return kindToken, trustStrong
	case "key", "keys":
		return judgeKey(p, n, prev)
	}
	if kind, t := judgePair(p, n, prev, last); t != trustNone {
		return kind, t
	}
	return judgeGlued(last)
}

// judgePair judges last words that say secret only with the one before.
func judgePair(p *nameParts, n int, prev, last []byte) (string, trust) {
	before := string(prev)
	switch string(last) {
	case "phrase", "words", "seed":
		if phraseBefore.has(prev) {
			return kindSecret, trustStrong
		}
	case "hash":
		if before == "password" || before == "passwd" {
			return kindPasswordHash, trustStrong
		}
	case "data":
		if dataBefore.has(prev) { // client-key-data of a kubeconfig
			return kindPrivateKey, trustStrong
		}
	case "string":
		if p.name == "SecretString" || p.name == "secretString" { // AWS Secrets Manager
			return kindSecret, trustStrong
		}
	case "base":
		if before == "key" && string(p.word(n-3)) == "secret" {
			return kindSecret, trustStrong
		}
	case "id":
		if before == "secret" {
			return kindSecret, trustWeak
		}
	case "code":
		if before == "auth" || before == "authorization" || before == "recovery" {
			return kindToken, trustWeak
		}
	}
	return "", trustNone
}

func judgeKey(p *nameParts, n int, prev []byte) (string, trust) {
	switch {
	case n == 1:
		return kindAPIKey, trustWeak
	case keyNotSecret.has(prev):
		return "", trustNone
	case string(prev) == "private" || string(prev) == "ssh" || string(prev) == "rsa":
		return kindPrivateKey, trustStrong
	case string(prev) == "access" && string(p.word(n-3)) == "secret":
		return kindAWSSecret, trustStrong
	case keyBefore.has(prev):
		return kindAPIKey, trustStrong
	}
	return kindAPIKey, trustWeak
}

func judgeGlued(last []byte) (string, trust) {
	for i := range gluedSuffixes {
		g := &gluedSuffixes[i]
		if len(last) > len(g.text) && string(last[len(last)-len(g.text):]) == g.text {
			before := last[:len(last)-len(g.text)]
			switch {
			case g.text == "token" && tokenNotSecret.has(before), string(last) == "oldpwd":
				return "", trustNone
			case g.text == "secret" && string(before) == "no":
				return "", trustNone
			}
			return g.kind, trustStrong
		}
		if len(g.text) == len(last) && string(last) == g.text {
			return g.kind, trustStrong
		}
	}
	if len(last) > 4 && string(last[len(last)-4:]) == "pass" && passGlued.has(last[:len(last)-4]) {
		return kindPassword, trustStrong
	}
	return "", trustNone
}

// judgeInner judges names whose secret word a place or purpose follows: API_KEY_STAGING, PASSWORD_PROD.
func judgeInner(p *nameParts, n int) (string, trust) {
	for i := range n - 1 {
		w := p.word(i)
		switch string(w) {
		case "password", "passwd", "passphrase":
			return kindPassword, trustWeak
		case "secret":
			return kindSecret, trustWeak
		case "token":
			if !tokenNotSecret.has(p.word(i - 1)) {
				return kindToken, trustWeak
			}
		case "apikey":
			return kindAPIKey, trustWeak
		case "key":
			if b := p.word(i - 1); string(b) == "api" || string(b) == "access" || string(b) == "private" {
				return kindAPIKey, trustWeak
			}
		}
	}
	return "", trustNone
}

// noSecrets are values that say nothing, in lower case.
var noSecrets = words(`true false null nil none undefined yes no on off string str number boolean bool int any object
	required optional redacted [redacted] <redacted> (redacted) [filtered] [masked] [hidden] (hidden) [secret] hidden
	masked unset empty default auto - {} [] "" '' ... … include omit same-origin basic bearer digest disabled enabled
	not_set changed unchanged ~ cleared sanitized removed elided`)

// isReference reports whether a value only names where a secret is, or says that there is none: $VAR, ${VAR}, $(cmd),
// ${{ … }}, %VAR%, <placeholder>, {{ … }}, op://…, true, null, asterisks.
func isReference(v string) bool {
	v = strings.TrimSpace(v)
	if v == "" {
		return true
	}
	if len(v) > maxJudged {
		return false
	}
	if len(v) <= 16 {
		var low [16]byte
		for i := range len(v) {
			low[i] = lower(v[i])
		}
		if noSecrets.has(low[:len(v)]) {
			return true
		}
	}
	last := v[len(v)-1]
	switch v[0] {
	case '$':
		return isDollar(v)
	case '%':
		if len(v) <= 12 && isVerb(v) {
			return true
		}
		return len(v) > 2 && last == '%' && run(v, 1, ccAlnum|ccURL, 64) == len(v)-1
	case '\\':
		return strings.HasPrefix(v, `\u003c`) && strings.HasSuffix(v, `\u003e`)
	case '&':
		return strings.HasPrefix(v, "&lt;") || strings.HasPrefix(v, "&#x3C;")
	case '<':
		return last == '>' && !strings.ContainsAny(v[1:len(v)-1], "<>") && len(v) <= 80
	case '{':
		return len(v) > 4 && strings.HasPrefix(v, "{{") && strings.HasSuffix(v, "}}") || len(v) < 64 && last == '}' && run(v, 1, ccName, 64) == len(v)-1
	case '@': // a file, as curl and vault have it
		return len(v) > 2 && run(v, 1, ccName|ccB64, len(v)) == len(v) && strings.IndexByte(v, '+') < 0 && shapeOf(v).digit == 0 && (wordy(v[1:]) || isPath(v[1:]))
	case '!':
		return strings.HasPrefix(v, "!Ref ") || strings.HasPrefix(v, "!GetAtt ") || strings.HasPrefix(v, "!Sub ") || strings.HasPrefix(v, "!reference ")
	}
	if len(v) > 4 && strings.HasPrefix(v, "__") && strings.HasSuffix(v, "__") || yours(v) {
		return true
	}
	if len(v) <= 16 && strings.HasSuffix(v, "...") { // cut short
		return true
	}
	if strings.Contains(v, "**") && (strings.Contains(v, "****") || strings.Contains(v, "**REDACTED**")) || strings.HasPrefix(v, "ENC[AES256_GCM,") {
		return true // masked in part, or encrypted (SOPS)
	}
	if strings.HasPrefix(v, "op://") || strings.HasPrefix(v, "arn:aws:") || strings.HasPrefix(v, "{{resolve:") {
		return run(v, 0, ccName|ccB64|ccOperat, len(v)) == len(v)
	}
	return isMask(v)
}

// yours reports whether v is a placeholder of documentation: YOUR_TOKEN, your-password-here.
func yours(v string) bool {
	return len(v) > 5 && foldHas(v, 0, "your") && (is(v[4], ccURL) || v[4] == ' ') && run(v, 0, ccLower|ccUpper|ccURL, len(v)) == len(v)
}

// isVerb reports whether v is a formatting verb: %s, %#v, %T(%v), %(name)s.
func isVerb(v string) bool {
	for i := range len(v) {
		if b := v[i]; !is(b, ccAlnum) && strings.IndexByte("%#+-. (){}:,/\"'\\_", b) < 0 || is(b, ccDigit) && i > 3 {
			return false
		}
	}
	i := 1
	for i < len(v) && strings.IndexByte("#+-.0123456789(", v[i]) >= 0 {
		i++
	}
	return i < len(v) && is(v[i], ccLower|ccUpper) && (len(v) <= i+3 || v[1] == '(' || strings.IndexByte(v[1:], '%') > 0)
}

// isMask reports whether v is one mask character throughout: ****, xxxx, ….
func isMask(v string) bool {
	switch v[0] {
	case '*', 'x', 'X', '.', '#', '-', '_':
		if len(v) < 3 && v[0] != '*' {
			return v[0] == '-' || v[0] == '_'
		}
		for i := range len(v) {
			if v[i] != v[0] {
				return false
			}
		}
		return true
	}
	return v[0] >= 0x80 && strings.Trim(v, "•●…") == ""
}

// isDollar reports whether all of v is one expansion: $NAME, $1, ${NAME}, ${NAME:-$OTHER}, $(command), ${{ … }},
// $env:NAME. A default in the expansion is no reference: ${NAME:-hunter2}.
func isDollar(v string) bool {
	if len(v) < 2 {
		return false
	}
	switch v[1] {
	case '(':
		return true
	case '{':
		if v[len(v)-1] != '}' {
			return false
		}
		inner := strings.Trim(v[2:len(v)-1], "{} ")
		name := run(inner, 0, ccName, len(inner))
		if name == len(inner) {
			return true
		}
		if strings.HasPrefix(v, "${{") {
			return !strings.ContainsAny(inner, `'"`)
		}
		rest := strings.TrimLeft(inner[name:], ":")
		switch {
		case rest == "":
			return true
		case rest[0] == '-' || rest[0] == '=' || rest[0] == '+':
			return isReference(rest[1:])
		case rest[0] == '?':
			return true
		}
		if rest[0] == '(' {
			return strings.HasSuffix(rest, ")") && !strings.ContainsAny(rest, `'"`)
		}
		return !strings.ContainsAny(inner, "}") && (rest[0] == '[' || rest[0] == '#' || rest[0] == '%' || rest[0] == '/')
	}
	rest := v[1:]
	if len(rest) > 4 && foldHas(rest, 0, "env:") {
		rest = rest[4:]
	}
	if is(rest[0], ccDigit) {
		return len(rest) == 1
	}
	return run(rest, 0, ccAlnum|ccURL|ccDot, len(rest)) == len(rest) && !looksRandom(rest, 20)
}

// isPath reports whether v is a path to a file and not a secret with slashes in it.
func isPath(v string) bool {
	if len(v) > 2 && is(v[0], ccLower|ccUpper) && v[1] == ':' && (v[2] == '\\' || v[2] == '/') {
		return true
	}
	if v != "" && v[0] == '$' { // $DIR/file, ${DIR}/file
		if slash := strings.IndexByte(v, '/'); slash > 0 && isDollar(v[:slash]) {
			v = v[slash:]
		}
	}
	switch {
	case strings.HasPrefix(v, "/"), strings.HasPrefix(v, "~/"), strings.HasPrefix(v, "./"), strings.HasPrefix(v, "../"), strings.HasPrefix(v, "file:"):
	default:
		dot := strings.LastIndexByte(v, '.')
		if dot < 1 || len(v)-dot > 6 || strings.ContainsAny(v, " \t=+@!$%^&*") {
			return false
		}
		switch v[dot+1:] {
		case "json", "pem", "key", "yaml", "yml", "txt", "toml", "crt", "pub", "p12", "env", "cfg", "conf", "ini":
			return true
		}
		return false
	}
	for part := range strings.SplitSeq(v, "/") {
		if looksRandom(part, 16) && !isUUID(part) {
			return false
		}
	}
	return true
}
