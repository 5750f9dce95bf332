package scrub

import (
	"slices"
	"strings"
)

// program says which arguments of a command are secrets. Flags with secret names (--password, --token) need no entry:
// they are found as names are.
type program struct {
	names    string // of the executables
	sub      string // one of these words must be among the first arguments
	value    string // flags whose value is a secret, attached or next: -pX, -p X, --pin=X
	attached string // flags whose attached value is a secret, while the next argument is none: mysql -pX
	pair     string // flags whose value is user and secret, split by the first of sep
	sep      string // default ":"
	stdin    string // arguments that make the program read a secret from standard input
	after    string // "word:n": the n-th argument after word is a secret that no flag introduces
	special  func(c *command)
	words    programWords
}

// programWords are the lists of an entry, split.
type programWords struct{ sub, value, attached, pair, stdin []string }

// withWords splits the lists of a table's entries.
func withWords(table []program) []program {
	for i := range table {
		p := &table[i]
		p.words = programWords{strings.Fields(p.sub), strings.Fields(p.value), strings.Fields(p.attached), strings.Fields(p.pair), strings.Fields(p.stdin)}
	}
	return table
}

// programs is the table of programs people use with secrets in their arguments.
var programs = withWords([]program{
	{names: "mysql mysqldump mysqladmin mysqlimport mysqlsh mysqlbinlog mysqlcheck mysqlshow mysqlslap mariadb mariadb-dump mariadb-admin mycli", attached: "-p"},
	{names: "sshpass", value: "-p"},
	{names: "curl", pair: "-u --user -U --proxy-user -E --cert", value: "-b --cookie --pass --proxy-pass --oauth2-bearer", special: curlCookies},
	{names: "http https xh", pair: "-a --auth"},
	{names: "wget wget2", value: "--password --http-password --ftp-password --proxy-password"},
	{names: "docker podman nerdctl buildah crane oras helm", sub: "login", value: "-p --password", stdin: "--password-stdin"},
	{names: "skopeo", pair: "--creds --src-creds --dest-creds", value: "-p --password", stdin: "--password-stdin"},
	{names: "oc cf argocd az cloudctl ibmcloud tkn jf rosa", sub: "login auth", value: "-p --password --apikey", after: "auth:2"},
	{names: "redis-cli keydb-cli valkey-cli", value: "-a --pass", after: "AUTH:1 auth:1"},
	{names: "mongosh mongo mongodump mongorestore mongoexport mongoimport mongostat", value: "-p --password"},
	{names: "clickhouse-client cqlsh influx vsql pgcli arangosh", value: "--password"},
	{names: "cqlsh twine evil-winrm crackmapexec netexec nxc hydra ncftp rdesktop doveadm ipmitool-p", value: "-p"},
	{names: "openssl", special: opensslPass},
	{names: "sudo", stdin: "-S --stdin -kS -Sk -nS -Sn -Su"},
	{names: "chpasswd passwd cryptsetup smbpasswd", stdin: "--stdin -s -d - luksOpen luksFormat open", special: alwaysStdin},
	{names: "kubectl kubectl.exe k3s microk8s minikube", sub: "create secret", special: kubernetesLiterals},
	{names: "aws awslocal", sub: "configure secretsmanager ssm rds", value: "--secret-string --master-user-password --password", special: awsSecrets},
	{names: "gcloud npm pnpm yarn pip pip3 poetry composer git dotnet cargo flutter bundle nuget wrangler vercel netlify", sub: "config set add secret secrets user-secrets", special: configSet},
	{names: "gh glab", sub: "secret variable auth", stdin: "--with-token --stdin", special: configSet},
	{names: "setx setenv", special: setVariable},
	{names: "set", special: setFish},
	{names: "vault bao", sub: "login kv write unseal operator", special: vaultArgs},
	{names: "htpasswd", special: htpasswdArgs},
	{names: "ldapsearch ldapmodify ldapadd ldapdelete ldapwhoami ldappasswd ldapcompare", value: "-w -s", special: nil},
	{names: "smbclient rpcclient smbget smbmap net", pair: "-U --user", sep: "%", after: "user:2"},
	{names: "7z 7za 7zz rar", attached: "-p -hp"},
	{names: "zip unzip sqlcmd bcp osql isql mosquitto_pub mosquitto_sub ipmitool tsql", value: "-P"},
	{names: "plink pscp psftp", value: "-pw"},
	{names: "xfreerdp wfreerdp xfreerdp3 mstsc", attached: "/p:"},
	{names: "sqlplus sqlldr expdp impdp rman", sep: "/", special: oracleLogin},
	{names: "lftp", pair: "-u", sep: ","},
	{names: "rabbitmqctl", after: "add_user:2 change_password:2 authenticate_user:2"},
	{names: "useradd usermod", value: "-p --password"},
	{names: "flyctl fly doppler supabase infisical", sub: "secrets", special: allPairs},
	{names: "cargo wandb snyk", after: "login:1 auth:1"},
	{names: "ngrok", after: "authtoken:1 add-authtoken:1"},
	{names: "nmcli", after: "password:1 psk:1"},
	{names: "wpa_passphrase", after: ":2"},
	{names: "security", value: "-w"},
	{names: "doctl codecov", value: "-t"},
	{names: "rclone", after: "obscure:1"},
	{names: "snmpwalk snmpget snmpset", value: "-A -X -c"},
	{names: "ssh-keygen", value: "-N -P"},
	{names: "keytool jarsigner", value: "-storepass -keypass"},
	{names: "ConvertTo-SecureString", after: ":1"},
	{names: "radtest", after: ":2 :5"},
	{names: "schtasks", value: "/rp /RP"},
	{names: "cmdkey", attached: "/pass: /p:"},
	{names: "psexec psexec64 winexe", value: "-p"},
	{names: "net net1", sub: "use", special: netUse},
	{names: "impacket-psexec impacket-wmiexec impacket-smbexec impacket-secretsdump impacket-smbclient psexec.py wmiexec.py smbexec.py secretsdump.py", special: impacketTarget},
	{names: "base64", stdin: "-d -D --decode -di"},
})

const (
	maxPrograms = 64
	maxWords    = 48
	subWords    = 7    // among which a subcommand stands
	maxCommand  = 4096 // bytes of a command that are read
)

// programIndex maps an executable's name, in lower case, to its entries in programs.
var programIndex = func() map[string][]int {
	m := map[string][]int{}
	for i := range programs {
		for _, name := range strings.Fields(programs[i].names) {
			m[strings.ToLower(name)] = append(m[strings.ToLower(name)], i)
		}
	}
	return m
}()

// command is a program's arguments, from a text or from a vector, and the secrets found among them.
type command struct {
	e     *Engine
	p     *program
	args  []string
	found []argSecret
	here  int  // index of the word after <<<, or -1
	stdin bool // it reads a secret from standard input
}

// argSecret is the secret args[arg][from:to].
type argSecret struct {
	arg, from, to int
	kind          string
}

// secret reports args[i][from:] unless it is a reference, a label or another flag.
func (c *command) secret(i, from int, kind string) {
	if i < 0 || i >= len(c.args) || from >= len(c.args[i]) {
		return
	}
	to := len(c.args[i])
	v := c.args[i][from:to]
	if len(v) >= 2 && isQuote(v[0]) && v[len(v)-1] == v[0] { // -p"X"
		from, to = from+1, to-1
		v = c.args[i][from:to]
	}
	if from == 0 && v != "" && v[0] == '-' || isReference(v) || c.e.onlyLabels(v) || troff(v) {
		return
	}
	c.found = append(c.found, argSecret{i, from, to, kind})
}

// has reports whether one of the first arguments is the word.
func (c *command) has(word string) bool { return c.index(word) >= 0 }

func (c *command) index(word string) int {
	for i, a := range c.args {
		if a == word {
			return i
		}
	}
	return -1
}

// run applies the program's entry.
func (c *command) run() {
	p := c.p
	if p.sub != "" && !c.hasSub(p.words.sub) { // also checked before the words of a text are read
		return
	}
	for i := range c.args {
		c.flags(i)
	}
	for entry := range strings.FieldsSeq(p.after) {
		word, n, _ := strings.Cut(entry, ":")
		c.positional(word, int(n[0]-'0'))
	}
	for _, w := range p.words.stdin {
		c.stdin = c.stdin || c.has(w)
	}
	if p.special != nil {
		p.special(c)
	}
	if c.stdin && c.here >= 0 {
		c.secret(c.here, 0, kindPassword)
	}
}

func (c *command) hasSub(subs []string) bool {
	for _, a := range c.args[:min(len(c.args), subWords)] {
		if slices.Contains(subs, a) {
			return true
		}
		if a == "run" || a == "exec" || a == "build" {
			return false
		}
	}
	return false
}

// flags judges argument i as a flag, with its value attached or next.
func (c *command) flags(i int) {
	a := c.args[i]
	if len(a) < 2 || a[0] != '-' && a[0] != '/' {
		return
	}
	for _, f := range c.p.words.value {
		if at, from := c.flagValue(i, f); at >= 0 {
			c.secret(at, from, kindPassword)
		}
	}
	for _, f := range c.p.words.attached {
		if len(a) > len(f) && strings.HasPrefix(a, f) {
			c.secret(i, len(f), kindPassword)
		}
	}
	for _, f := range c.p.words.pair {
		if at, from := c.flagValue(i, f); at >= 0 {
			c.pairSecret(at, from)
		}
	}
}

// flagValue returns where the value of flag f stands if args[i] is f; at is -1 if it is not.
func (c *command) flagValue(i int, f string) (at, from int) {
	a := c.args[i]
	if !strings.HasPrefix(a, f) {
		return -1, 0
	}
	switch rest := a[len(f):]; {
	case rest == "":
		if i+1 < len(c.args) {
			return i + 1, 0
		}
	case rest[0] == '=':
		return i, len(f) + 1
	case len(f) == 2:
		return i, len(f)
	}
	return -1, 0
}

// pairSecret reports the part of user:secret after the separator, or a token that stands as the user.
func (c *command) pairSecret(i, from int) {
	sep := c.p.sep
	if sep == "" {
		sep = ":"
	}
	a := c.args[i]
	if from == 0 && a != "" && a[0] == '-' || isReference(a[from:]) {
		return
	}
	cut := strings.Index(a[from:], sep)
	if cut < 0 {
		return
	}
	if user := strings.Trim(a[from:from+cut], `"'`); looksRandom(user, 16) && !c.e.onlyLabels(user) {
		at := from + strings.Index(a[from:], user)
		c.found = append(c.found, argSecret{i, at, at + len(user), kindToken})
	}
	to := len(a)
	if from < to && isQuote(a[from]) && a[to-1] == a[from] { // -u"user:X"
		to--
	}
	if v := a[from+cut+1 : to]; v != "" && !isReference(strings.Trim(v, `"'`)) && !c.e.onlyLabels(v) {
		c.found = append(c.found, argSecret{i, from + cut + 1, to, kindPassword})
	}
}

// positional reports the n-th argument after word that is no flag; word "" stands for the program.
func (c *command) positional(word string, n int) {
	i := -1
	if word != "" {
		if i = c.index(word); i < 0 {
			return
		}
	}
	for i++; i < len(c.args); i++ {
		if a := c.args[i]; a != "" && (a[0] == '-' || a[0] == '/' && len(a) <= 10 && run(a, 1, ccLower|ccUpper, 10) == len(a)) {
			continue // a flag, Windows' /domain
		}
		if n--; n == 0 {
			c.secret(i, 0, kindPassword)
			return
		}
	}
}

// curlCookies drops what -b names a file of cookies.
func curlCookies(c *command) {
	kept := c.found[:0]
	for _, f := range c.found {
		if f.arg > 0 && (c.args[f.arg-1] == "-b" || c.args[f.arg-1] == "--cookie") {
			if !strings.Contains(c.args[f.arg], "=") {
				continue
			}
			f.kind = kindCookie
		}
		kept = append(kept, f)
	}
	c.found = kept
}

// netUse: use Z: \\server\share X /user:bob.
func netUse(c *command) {
	use := c.index("use")
	for i := use + 1; use >= 0 && i < len(c.args); i++ {
		a := c.args[i]
		if a == "" || a[0] == '/' || a[0] == '-' || a[0] == '\\' || a[0] == '*' || len(a) == 2 && a[1] == ':' {
			continue
		}
		c.secret(i, 0, kindPassword)
		return
	}
}

// impacketTarget: DOMAIN/user:X@host.
func impacketTarget(c *command) {
	for i, a := range c.args {
		colon, at := strings.IndexByte(a, ':'), strings.LastIndexByte(a, '@')
		if a == "" || a[0] == '-' || colon < 0 || at <= colon+1 {
			continue
		}
		if v := a[colon+1 : at]; !isReference(v) && !c.e.onlyLabels(v) {
			c.found = append(c.found, argSecret{i, colon + 1, at, kindPassword})
		}
		return
	}
}

// opensslPass: -passin pass:X, -passout pass:X, -pass pass:X, -K hex.
func opensslPass(c *command) {
	for i, a := range c.args {
		if strings.HasPrefix(a, "pass:") {
			c.secret(i, len("pass:"), kindPassword)
		}
		switch a {
		case "-K":
			c.secret(i+1, 0, kindPrivateKey)
		case "-k":
			c.secret(i+1, 0, kindPassword)
		}
	}
}

func alwaysStdin(c *command) {
	if len(c.args) == 0 || c.args[0] != "-l" {
		c.stdin = true
	}
}

// kubernetesLiterals: create secret … --from-literal=k=v. Of a config map only names tell.
func kubernetesLiterals(c *command) {
	if c.has("configmap") || c.has("cm") {
		return
	}
	for i, a := range c.args {
		rest, ok := strings.CutPrefix(a, "--from-literal=")
		at, from := i, len(a)-len(rest)
		if a == "--from-literal" && i+1 < len(c.args) {
			at, from, ok = i+1, 0, true
		}
		if !ok {
			continue
		}
		if eq := strings.IndexByte(c.args[at][from:], '='); eq >= 0 {
			c.secret(at, from+eq+1, kindSecret)
		}
	}
}

// awsSecrets: configure set aws_secret_access_key X; ssm put-parameter --type SecureString --value X.
func awsSecrets(c *command) {
	configSet(c)
	if c.has("SecureString") {
		if i := c.index("--value"); i >= 0 {
			c.secret(i+1, 0, kindSecret)
		}
	}
}

// configSet: config set NAME X, secret set NAME --body X, with a name that says secret.
func configSet(c *command) {
	set := false
	for i, a := range c.args {
		switch {
		case a == "set" || a == "config" || a == "add" || a == "--global" || a == "configure":
			set = true
		case set && a != "" && a[0] != '-' && len(a) < 200 && !strings.Contains(a, "="):
			if slash := strings.LastIndexByte(a, '/'); slash >= 0 {
				a = a[slash+1:]
			}
			if kind, t := judgeName(strings.TrimLeft(a, ":_")); t == trustStrong && run(a, 0, ccName|ccOperat, len(a)) == len(a) && i+1 < len(c.args) && !isPath(c.args[i+1]) && kind != kindAuthorization && (kind != kindCredential || !plainWord(c.args[i+1])) {
				c.secret(i+1, 0, kind)
				return
			}
		}
	}
	if c.has("secret") && c.has("set") || c.has("secrets") {
		for _, f := range [...]string{"--value", "--body", "-b"} {
			if i := c.index(f); i >= 0 {
				c.secret(i+1, 0, kindSecret)
			}
		}
		c.stdin = true
	}
}

// setFish: fish's set -gx NAME X. Without a flag it may as well be prose: "Set API_KEY or OTHER_KEY".
func setFish(c *command) {
	if len(c.args) > 0 && strings.HasPrefix(c.args[0], "-") {
		setVariable(c)
		return
	}
	if len(c.args) == 2 && looksRandom(c.args[1], 8) {
		setVariable(c)
	}
}

// setVariable: setx NAME X, setenv NAME X.
func setVariable(c *command) {
	for i, a := range c.args {
		if a == "" || a[0] == '-' || a[0] == '/' {
			continue
		}
		kind, t := judgeName(a)
		if run(a, 0, ccName, len(a)) != len(a) || t == trustNone || i+1 >= len(c.args) {
			return
		}
		if v := c.args[i+1]; t == trustStrong && !exempt(kind, a, v) || looksRandom(v, 16) {
			c.secret(i+1, 0, kind)
		}
		return
	}
}

// vaultArgs: login X, unseal X, kv put PATH k=v.
func vaultArgs(c *command) {
	c.positionalToken("login")
	c.positionalToken("unseal")
	if c.has("kv") && (c.has("put") || c.has("patch")) {
		allPairs(c)
	}
}

func (c *command) positionalToken(word string) {
	i := c.index(word)
	if i < 0 {
		return
	}
	for i++; i < len(c.args); i++ {
		a := c.args[i]
		if a == "-" {
			c.stdin = true
		}
		if a != "" && a[0] != '-' {
			if !strings.Contains(a, "=") && a[0] != '(' {
				c.secret(i, 0, kindToken)
			}
			return
		}
	}
}

// allPairs: secrets set NAME=X, whatever the name.
func allPairs(c *command) {
	for i, a := range c.args {
		if eq := strings.IndexByte(a, '='); eq > 0 && a[0] != '-' && run(a, 0, ccName, eq) == eq {
			c.secret(i, eq+1, kindSecret)
		}
	}
}

// htpasswdArgs: -b file user X, -nb user X.
func htpasswdArgs(c *command) {
	batch, last := false, -1
	for i, a := range c.args {
		if strings.HasPrefix(a, "-") {
			batch = batch || !strings.HasPrefix(a, "--") && strings.Contains(a, "b")
			continue
		}
		last = i
	}
	if batch && last > 0 {
		c.secret(last, 0, kindPassword)
	}
}

// oracleLogin: user/X@database.
func oracleLogin(c *command) {
	for i, a := range c.args {
		if a == "" || a[0] == '-' || a[0] == '/' {
			continue
		}
		slash := strings.IndexByte(a, '/')
		if slash <= 0 {
			return
		}
		to := len(a)
		if at := strings.LastIndexByte(a, '@'); at > slash {
			to = at
		}
		if v := a[slash+1 : to]; v != "" && !isReference(v) && !c.e.onlyLabels(v) {
			c.found = append(c.found, argSecret{i, slash + 1, to, kindPassword})
		}
		return
	}
}
