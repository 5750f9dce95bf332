package scrub

// tokenRule describes secrets recognised by their own shape: a prefix and a run of one class of characters. A rule's
// must-match and must-not-match samples are in tokens_test.go, and a test holds that every rule has some.
type tokenRule struct {
	kind   string
	prefix []string // in the exact case of the token; found by their lower case
	class  uint8    // of the body after the prefix
	least  int      // shortest body
	most   int      // longest body; a longer run is something else. 0: 255, and longer runs are cut there
	exact  bool     // the prefix must stand in exactly this case
	glued  bool     // may follow a letter or digit: the prefix alone is distinctive
	check  func(body string) bool
	span   func(sc *scan, start, end int) (from, to int) // replaces the run where a shape has parts; from < 0: no match
}

const maxTokenRun = 512

// tokenRules is the table of token shapes, by issuer.
var tokenRules = []tokenRule{
	// Cloud providers.
	{kind: "aws-access-key", prefix: []string{"AKIA", "ASIA", "ABIA", "ACCA"}, class: ccUpper | ccDigit, least: 16, most: 16, exact: true, span: awsKeySpan},
	{kind: "google-api-key", prefix: []string{"AIza"}, class: ccWord, least: 30, most: 45, exact: true},
	{kind: "google-oauth-token", prefix: []string{"ya29."}, class: ccWord | ccDot, least: 20, exact: true, glued: true},
	{kind: "google-client-secret", prefix: []string{"GOCSPX-"}, class: ccWord, least: 20, exact: true, glued: true},
	{kind: "google-refresh-token", prefix: []string{"1//0"}, class: ccWord, least: 30, exact: true, check: randomBody},
	{kind: "azure-client-secret", prefix: []string{"8Q~", "7Q~"}, class: ccWord | ccDot, least: 30, most: 36, exact: true, glued: true, span: azureSecretSpan},
	{kind: "digitalocean-token", prefix: []string{"dop_v1_", "doo_v1_", "dor_v1_"}, class: ccHex, least: 40, exact: true, glued: true},
	{kind: "databricks-token", prefix: []string{"dapi"}, class: ccHex, least: 32, most: 32, exact: true},
	{kind: "alibaba-access-key", prefix: []string{"LTAI"}, class: ccAlnum, least: 12, most: 26, exact: true, check: randomBody},
	{kind: "planetscale-token", prefix: []string{"pscale_tkn_", "pscale_pw_", "pscale_oauth_"}, class: ccWord | ccDot, least: 20, exact: true, glued: true},
	{kind: "supabase-token", prefix: []string{"sbp_"}, class: ccHex, least: 32, exact: true},
	{kind: "supabase-secret-key", prefix: []string{"sb_secret_"}, class: ccWord, least: 16, exact: true},
	{kind: "terraform-token", prefix: []string{".atlasv1."}, class: ccWord, least: 40, exact: true, glued: true, span: atlasSpan},
	{kind: "fly-token", prefix: []string{"fo1_", "FlyV1 fm1", "FlyV1 fm2_", "fm2_"}, class: ccWord | ccStd64 | ccDot, least: 30, exact: true, check: randomBody},
	{kind: "doppler-token", prefix: []string{"dp.pt.", "dp.st.", "dp.ct.", "dp.sa.", "dp.scim.", "dp.audit."}, class: ccWord | ccDot, least: 30, exact: true},
	{kind: "pulumi-token", prefix: []string{"pul-"}, class: ccHex, least: 40, most: 40, exact: true},
	{kind: "tailscale-key", prefix: []string{"tskey-"}, class: ccWord, least: 16, exact: true},
	{kind: "cloudflare-token", prefix: []string{"cfut_", "cfat_", "cfk_"}, class: ccWord, least: 32, exact: true},
	{kind: "vault-token", prefix: []string{"hvs.", "hvb.", "hvr."}, class: ccWord, least: 20, exact: true},
	{kind: "age-secret-key", prefix: []string{"AGE-SECRET-KEY-1"}, class: ccAlnum, least: 20, glued: true},

	// Code hosts, registries, build services.
	{kind: "github-token", prefix: []string{"ghp_", "gho_", "ghu_", "ghs_", "ghr_"}, class: ccAlnum, least: 8, exact: true, glued: true, check: mixedBody},
	{kind: "github-token", prefix: []string{"github_pat_"}, class: ccAlnum | ccURL, least: 10, exact: true, glued: true, check: mixedBody},
	{kind: "gitlab-token", prefix: []string{"glpat-", "gldt-", "glrt-", "glrtr-", "glptt-", "glcbt-", "glft-", "glimt-", "glagent-", "glsoat-", "gloas-", "glffct-"}, class: ccWord | ccDot, least: 16, exact: true, glued: true},
	{kind: "gitlab-token", prefix: []string{"GR1348941"}, class: ccWord, least: 20, exact: true},
	{kind: "bitbucket-token", prefix: []string{"ATBB"}, class: ccAlnum, least: 28, most: 36, exact: true, check: randomBody},
	{kind: "atlassian-token", prefix: []string{"ATATT3", "ATCTT3", "ATSTT3"}, class: ccWord | ccStd64 | ccDot, least: 16, exact: true, check: mixedBody, span: atlassianSpan},
	{kind: "npm-token", prefix: []string{"npm_"}, class: ccAlnum, least: 36, most: 40, exact: true},
	{kind: "pypi-token", prefix: []string{"pypi-AgE", "pypi-AgENd"}, class: ccWord, least: 20, exact: true, glued: true},
	{kind: "rubygems-token", prefix: []string{"rubygems_"}, class: ccHex, least: 48, most: 48, exact: true},
	{kind: "docker-token", prefix: []string{"dckr_pat_", "dckr_oat_"}, class: ccWord, least: 10, exact: true, glued: true},
	{kind: "nuget-key", prefix: []string{"oy2"}, class: ccLower | ccDigit, least: 43, most: 43, exact: true},
	{kind: "crates-token", prefix: []string{"cio"}, class: ccAlnum, least: 32, most: 32, exact: true, check: randomBody},
	{kind: "circleci-token", prefix: []string{"CCIPAT_", "CCIPRJ_"}, class: ccWord, least: 30, exact: true, glued: true},
	{kind: "buildkite-token", prefix: []string{"bkua_"}, class: ccHex, least: 40, most: 40, exact: true},
	{kind: "sourcegraph-token", prefix: []string{"sgp_"}, class: ccHex | ccURL, least: 40, exact: true},
	{kind: "artifactory-key", prefix: []string{"AKCp"}, class: ccAlnum, least: 64, most: 80, exact: true},

	// Messaging and mail.
	{kind: "slack-token", prefix: []string{"xoxa-", "xoxb-", "xoxp-", "xoxo-", "xoxr-", "xoxs-", "xoxc-", "xoxd-", "xoxe-", "xoxe.xox", "xapp-"}, class: ccWord | ccDot, least: 10, exact: true, check: mixedOrDigits},
	{kind: "slack-webhook", prefix: []string{"hooks.slack.com/services/", "hooks.slack.com/workflows/", "hooks.slack.com/triggers/"}, class: ccWord | ccStd64, least: 20, glued: true},
	{kind: "discord-webhook", prefix: []string{"discord.com/api/webhooks/", "discordapp.com/api/webhooks/"}, class: ccWord | ccStd64, least: 40, glued: true},
	{kind: "discord-token", prefix: []string{"discord"}, glued: true, span: discordSpan},
	{kind: "teams-webhook", prefix: []string{".webhook.office.com/webhookb2/"}, class: ccWord | ccStd64, least: 40, glued: true},
	{kind: "telegram-token", prefix: []string{":AA"}, class: ccWord, least: 30, most: 40, exact: true, glued: true, span: telegramSpan},
	{kind: "sendgrid-key", prefix: []string{"SG."}, class: ccWord | ccDot, least: 40, exact: true, check: mixedBody},
	{kind: "twilio-key", prefix: hexPrefixes("SK"), class: ccHex, least: 31, most: 31, exact: true},
	{kind: "mailgun-key", prefix: []string{"key-"}, class: ccHex, least: 32, most: 32, exact: true},
	{kind: "mailchimp-key", prefix: []string{"-us"}, class: ccDigit, least: 1, most: 2, exact: true, glued: true, span: mailchimpSpan},
	{kind: "brevo-key", prefix: []string{"xkeysib-", "xsmtpsib-"}, class: ccWord, least: 40, exact: true},
	{kind: "mailersend-key", prefix: []string{"mlsn."}, class: ccHex, least: 40, exact: true},

	// Payment and shops.
	{kind: "stripe-key", prefix: []string{"sk_live_", "sk_test_", "rk_live_", "rk_test_", "sk_prod_", "rk_prod_"}, class: ccAlnum | ccURL, least: 10, exact: true, check: mixedBody},
	{kind: "stripe-webhook-secret", prefix: []string{"whsec_"}, class: ccStd64 | ccURL, least: 24, exact: true},
	{kind: "shopify-token", prefix: []string{"shpat_", "shpss_", "shpca_", "shppa_"}, class: ccHex | ccUpper, least: 24, exact: true},
	{kind: "square-token", prefix: []string{"sq0atp-", "sq0csp-", "sq0idp-"}, class: ccWord, least: 20, exact: true},
	{kind: "square-token", prefix: []string{"EAAA"}, class: ccWord, least: 60, most: 64, exact: true, check: randomBody},
	{kind: "facebook-token", prefix: []string{"EAAC", "EAAB", "EAAG", "EAAJ", "EAAM"}, class: ccAlnum, least: 80, exact: true, check: randomBody},
	{kind: "easypost-key", prefix: []string{"EZAK", "EZTK"}, class: ccAlnum, least: 54, most: 54, exact: true},

	// Models and data.
	{kind: "anthropic-key", prefix: []string{"sk-ant-"}, class: ccWord, least: 10, exact: true, check: mixedBody},
	{kind: "openai-key", prefix: []string{"sk-proj-", "sk-svcacct-", "sk-admin-", "sk-None-"}, class: ccWord, least: 16, exact: true, check: mixedBody},
	{kind: "openrouter-key", prefix: []string{"sk-or-v1-"}, class: ccHex, least: 32, exact: true},
	{kind: "openai-key", prefix: []string{"sk-"}, class: ccAlnum, least: 20, most: 100, exact: true, check: randomBody},
	{kind: "langsmith-key", prefix: []string{"lsv2_pt_", "lsv2_sk_"}, class: ccHex | ccURL, least: 32, exact: true},
	{kind: "huggingface-token", prefix: []string{"hf_", "api_org_"}, class: ccAlnum, least: 30, most: 40, exact: true, check: mixedBody},
	{kind: "groq-key", prefix: []string{"gsk_"}, class: ccAlnum, least: 40, most: 60, exact: true},
	{kind: "xai-key", prefix: []string{"xai-"}, class: ccAlnum, least: 60, most: 100, exact: true},
	{kind: "perplexity-key", prefix: []string{"pplx-"}, class: ccAlnum, least: 40, most: 60, exact: true},
	{kind: "replicate-token", prefix: []string{"r8_"}, class: ccAlnum, least: 36, most: 40, exact: true},
	{kind: "nvidia-key", prefix: []string{"nvapi-"}, class: ccWord, least: 50, most: 80, exact: true},
	{kind: "tavily-key", prefix: []string{"tvly-"}, class: ccWord, least: 24, exact: true, check: mixedBody},
	{kind: "airtable-token", prefix: []string{"pat"}, class: ccAlnum | ccDot, least: 70, most: 90, exact: true, check: airtableBody},

	// Work tools and monitoring.
	{kind: "linear-key", prefix: []string{"lin_api_", "lin_oauth_"}, class: ccAlnum, least: 30, exact: true},
	{kind: "notion-token", prefix: []string{"ntn_"}, class: ccAlnum, least: 40, most: 60, exact: true},
	{kind: "notion-token", prefix: []string{"secret_"}, class: ccAlnum, least: 43, most: 43, exact: true, check: randomBody},
	{kind: "figma-token", prefix: []string{"figd_"}, class: ccWord, least: 30, exact: true},
	{kind: "postman-key", prefix: []string{"PMAK-"}, class: ccHex | ccURL, least: 40, exact: true},
	{kind: "newrelic-key", prefix: []string{"NRAK-", "NRJS-", "NRII-", "NRAA-", "NRRA-"}, class: ccWord, least: 19, most: 40, exact: true},
	{kind: "sentry-token", prefix: []string{"sntrys_", "sntryu_"}, class: ccStd64 | ccURL, least: 30, exact: true, glued: true},
	{kind: "grafana-token", prefix: []string{"glsa_", "glc_"}, class: ccWord | ccStd64, least: 30, exact: true},
	{kind: "posthog-key", prefix: []string{"phx_"}, class: ccAlnum, least: 40, most: 60, exact: true},
	{kind: "dynatrace-token", prefix: []string{"dt0c01.", "dt0s01.", "dt0s02."}, class: ccUpper | ccDigit | ccDot, least: 60, exact: true},
	{kind: "onepassword-token", prefix: []string{"ops_eyJ"}, class: ccStd64 | ccURL, least: 60, exact: true, glued: true},
	{kind: "dropbox-token", prefix: []string{"sl."}, class: ccWord, least: 100, exact: true, check: randomBody},

	// Shapes without one issuer.
	{kind: "jwt", prefix: []string{"eyJ"}, exact: true, glued: true, span: jwtSpan},
	{kind: kindAuthorization, prefix: []string{"Bearer "}, span: bearerSpan},
	{kind: kindPasswordHash, prefix: []string{"$2a$", "$2b$", "$2y$", "$2x$", "$6$", "$5$", "$1$", "$y$", "$argon2i", "$argon2d", "$apr1$"}, exact: true, glued: true, span: hashSpan},
}

// hexPrefixes splits a short prefix before a hexadecimal body, so that it triggers less often.
func hexPrefixes(prefix string) []string {
	var p []string
	for _, d := range "0123456789abcdef" {
		p = append(p, prefix+string(d))
	}
	return p
}

// verifyToken reports the token that starts at a prefix.
func verifyToken(sc *scan, start, end int, r *rule) {
	t := r.token
	s := sc.s
	if t.exact && !exactPrefix(t, s[start:end]) {
		return
	}
	if !t.glued && !sc.tokenStart(start) {
		return
	}
	if t.span != nil {
		if from, to := t.span(sc, start, end); from >= 0 {
			sc.add(from, to, t.kind)
		}
		return
	}
	to := tokenBody(t, s, end)
	sc.steps += to - end
	if to > 0 {
		sc.add(start, to, t.kind)
	}
}

// tokenBody returns the end of the body at i, or 0.
func tokenBody(t *tokenRule, s string, i int) int {
	limit := t.most + 1
	if t.most == 0 {
		limit = maxTokenRun
	}
	to := run(s, i, t.class, limit)
	if t.most > 0 && to-i > t.most {
		return 0
	}
	if t.class&(ccDot|ccURL|ccB64) != 0 { // punctuation that ends a sentence is no part of it
		for to > i && (s[to-1] == '.' || s[to-1] == '/') {
			to--
		}
	}
	if to-i < t.least {
		return 0
	}
	if t.most > 0 && to < len(s) && is(s[to], ccAlnum) {
		return 0
	}
	body := s[i:to]
	if shapeOf(body).distinct < 5 || t.check != nil && !t.check(body) {
		return 0
	}
	return to
}

func exactPrefix(t *tokenRule, got string) bool {
	for _, p := range t.prefix {
		if got == p {
			return true
		}
	}
	return false
}

// tokenStart reports whether a token may start at i: at no letter, digit or "_", unless that ends an escape such as \n,
// %3D or \u003d.
func (sc *scan) tokenStart(i int) bool {
	s := sc.s
	if i == 0 || !is(s[i-1], ccAlnum) && s[i-1] != '_' && s[i-1] != '-' {
		return true
	}
	switch b := s[i-1]; {
	case i >= 2 && s[i-2] == '\\' && (b == 'n' || b == 't' || b == 'r' || b == 'f' || b == 'b'):
		return true
	case i >= 3 && s[i-3] == '%' && is(lower(s[i-2]), ccHex) && is(lower(b), ccHex):
		return true
	case b == '-': // a flag: -ptoken is one word, but --token is not
		return i >= 2 && (s[i-2] == '-' || isSpace(s[i-2]))
	}
	return i >= 6 && s[i-6] == '\\' && s[i-5] == 'u' && run(s, i-4, ccHex|ccUpper, 4) == i
}

// mixedBody accepts bodies with a digit, or of both cases.
func mixedBody(body string) bool {
	sh := shapeOf(body)
	return sh.digit > 0 && sh.lower+sh.upper > 0 || sh.lower > 0 && sh.upper > 0 && sh.changes*5 >= sh.n
}

func mixedOrDigits(body string) bool { return shapeOf(body).digit > 0 }

func randomBody(body string) bool { return looksRandom(body, 1) }

func airtableBody(body string) bool {
	return len(body) > 14 && body[14] == '.' && run(body, 15, ccHex, 80) == len(body)
}

// awsKeySpan takes an access key id, and the secret that stands after it within a line or two.
func awsKeySpan(sc *scan, start, end int) (int, int) {
	s := sc.s
	to := run(s, end, ccUpper|ccDigit, 17)
	if to-end != 16 || to < len(s) && is(s[to], ccAlnum) || shapeOf(s[end:to]).distinct < 5 {
		return -1, 0
	}
	for i := to; i < min(len(s), to+128); i++ {
		if !is(s[i], ccStd64) {
			continue
		}
		j := run(s, i, ccStd64, 128)
		sc.steps += j - i
		if j-i == 40 && awsSecret(s[i:j]) {
			sc.add(i, j, kindAWSSecret)
			break
		}
		i = j
	}
	return start, to
}

// awsSecret reports whether 40 characters are mixed like a secret access key, and are no digest and no path.
func awsSecret(v string) bool {
	sh := shapeOf(v)
	return len(v) == 40 && sh.upper >= 4 && sh.lower >= 4 && sh.digit >= 1 && sh.distinct >= 16 && sh.changes >= 10
}

// atlassianSpan takes the trailing checksum, too: ATATT3…=1A2B3C4D.
func atlassianSpan(sc *scan, start, end int) (int, int) {
	t := tokenRule{class: ccWord | ccStd64 | ccDot, least: 16, check: mixedBody}
	to := tokenBody(&t, sc.s, end)
	if to == 0 {
		return -1, 0
	}
	if sc.at(to) == '=' {
		if j := run(sc.s, to+1, ccUpper|ccDigit, 9); j == to+9 {
			to = j
		}
	}
	return start, to
}

// azureSecretSpan: three characters, "8Q~", and 31 to 34 more.
func azureSecretSpan(sc *scan, start, end int) (int, int) {
	from := runBack(sc.s, start, ccWord, 3)
	to := run(sc.s, end, ccWord|ccDot, 40)
	if to > end && sc.s[to-1] == '.' {
		to--
	}
	if start-from != 3 || to-end < 30 || to-end > 37 {
		return -1, 0
	}
	return from, to
}

// atlasSpan: 14 characters, ".atlasv1.", and 60 or more.
func atlasSpan(sc *scan, start, end int) (int, int) {
	from := runBack(sc.s, start, ccAlnum, 14)
	to := run(sc.s, end, ccWord, maxTokenRun)
	if start-from < 10 || to-end < 40 {
		return -1, 0
	}
	return from, to
}

// telegramSpan: 8 to 10 digits, ":AA", and 33 more.
func telegramSpan(sc *scan, start, end int) (int, int) {
	from := runBack(sc.s, start, ccDigit, 12)
	to := run(sc.s, end, ccWord, 48)
	if start-from < 8 || start-from > 10 || to-end < 30 || to-end > 40 || !mixedBody(sc.s[end:to]) {
		return -1, 0
	}
	return from, to
}

// mailchimpSpan: 32 hexadecimal digits and "-us" with a number.
func mailchimpSpan(sc *scan, start, end int) (int, int) {
	from := runBack(sc.s, start, ccHex, 33)
	to := run(sc.s, end, ccDigit, 3)
	if start-from != 32 || to-end < 1 || to-end > 2 {
		return -1, 0
	}
	return from, to
}

// discordSpan looks for a bot token, three parts of base64url, soon after the word Discord.
func discordSpan(sc *scan, _, end int) (int, int) {
	s := sc.s
	limit := min(len(s), end+96)
	for i := end; i < limit; {
		if !is(s[i], ccWord) {
			i++
			continue
		}
		a := run(s, i, ccWord, 40)
		sc.steps += a - i
		if n := a - i; n >= 23 && n <= 30 && sc.at(a) == '.' {
			b := run(s, a+1, ccWord, 12)
			if m := b - a - 1; m >= 5 && m <= 8 && sc.at(b) == '.' {
				c := run(s, b+1, ccWord, 60)
				if c-b-1 >= 25 && looksRandom(s[i:a], 20) {
					return i, c
				}
			}
		}
		i = a
	}
	return -1, 0
}

const maxJWT = 16 << 10

// jwtSpan takes header, payload and, where there is one, signature (also the five parts of an encrypted token). What
// has no second part is base64 of any JSON, and no token.
func jwtSpan(sc *scan, start, end int) (int, int) {
	s := sc.s
	if start < sc.jwtEnd {
		return -1, 0
	}
	at := run(s, end, ccWord, maxJWT)
	sc.jwtEnd = at
	parts := 1
	to := at
	for parts < 5 && to < len(s) && s[to] == '.' {
		next := run(s, to+1, ccWord, maxJWT)
		if next-to-1 < 4 {
			break
		}
		to = next
		parts++
	}
	sc.steps += to - end
	sc.jwtEnd = to
	if parts < 2 || at-end < 8 || to-at < 9 {
		return -1, 0
	}
	if sc.at(at+1) != 'e' && !looksRandom(s[at+1:min(to, at+65)], 8) {
		return -1, 0
	}
	return start, to
}

// bearerSpan takes the token after "Bearer " wherever it stands.
func bearerSpan(sc *scan, _, end int) (int, int) {
	s := sc.s
	for end < len(s) && s[end] == ' ' && end < len(s)-1 {
		end++
	}
	to := run(s, end, ccWord|ccStd64|ccDot, maxTokenRun*8)
	for to < len(s) && (s[to] == '=' || s[to] == '~') {
		to++
	}
	sc.steps += to - end
	for to > end && s[to-1] == '.' {
		to--
	}
	v := s[end:to]
	if sh := shapeOf(v); len(v) < 8 || sh.digit == 0 && len(v) < 24 || isReference(v) {
		return -1, 0
	}
	return end, to
}

// hashSpan takes crypt(3) hashes: $id$parameters$salt$hash.
func hashSpan(sc *scan, start, end int) (int, int) {
	s := sc.s
	to := end
	for to < len(s) && to-end < 256 && (is(s[to], ccStd64|ccDot) || s[to] == '$' || s[to] == '=' || s[to] == '-' || s[to] == ',' && sc.at(to+2) == '=') {
		to++
	}
	sc.steps += to - end
	for to > end && (s[to-1] == ',' || s[to-1] == '.') {
		to--
	}
	v := s[end:to]
	if len(v) < 26 || !looksRandom(v[len(v)-22:], 20) {
		return -1, 0
	}
	return start, to
}
