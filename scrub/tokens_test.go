package scrub

import (
	"strings"
	"testing"
)

// sample undoes what keeps the samples from being taken for secrets by whoever scans this file: "¦" is nothing.
func sample(s string) string { return strings.ReplaceAll(s, "¦", "") }

const (
	alnum = "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF" // 32 characters of every class
	hex32 = "9f2c1a7be04d5c669f2c1a7be04d5c66"
	b32   = "Q7XW2ZK5RJ4MBN6P"
)

// tokenSamples are what each kind of token must and must not match. In match the whole string is the token.
var tokenSamples = map[string]struct{ match, reject []string }{
	"aws-access-key":        {[]string{"AK¦IA" + b32, "AS¦IA" + b32}, []string{"AKIA", "XAKIA" + b32, "AK¦IA" + b32 + "A", "AK¦IAAAAAAAAAAAAAAAA", "ak¦ia" + b32}},
	"google-api-key":        {[]string{"AI¦za" + alnum + "xyz"}, []string{"AIza", "aiza" + alnum}},
	"google-oauth-token":    {[]string{"ya¦29.a0Af" + alnum}, []string{"ya29.", "maya29.txt"}},
	"google-client-secret":  {[]string{"GOC¦SPX-" + alnum}, []string{"GOCSPX-"}},
	"google-refresh-token":  {[]string{"1/¦/0" + alnum + "abc"}, []string{"1//0 is", "http://x/1//0"}},
	"azure-client-secret":   {[]string{"abc8¦Q~" + alnum + "x"}, []string{"8Q~", "abc8Q~short"}},
	"digitalocean-token":    {[]string{"dop¦_v1_" + hex32 + hex32}, []string{"dop_v1_", "dop_v1_zz"}},
	"databricks-token":      {[]string{"da¦pi" + hex32}, []string{"dapi", "dapine" + hex32, "da¦pi" + hex32 + "00"}},
	"alibaba-access-key":    {[]string{"LT¦AI5t" + alnum[:20]}, []string{"LTAI", "LTAIABCDEFGHIJKLMNOP"}},
	"planetscale-token":     {[]string{"pscale¦_tkn_" + alnum}, []string{"pscale_tkn_"}},
	"supabase-token":        {[]string{"sb¦p_" + hex32 + "00112233"}, []string{"sbp_"}},
	"supabase-secret-key":   {[]string{"sb¦_secret_" + alnum}, []string{"sb_secret_"}},
	"terraform-token":       {[]string{alnum[:14] + ".atlas¦v1." + alnum + alnum}, []string{".atlasv1.", "x.atlasv1.y"}},
	"fly-token":             {[]string{"fo¦1_" + alnum + "abcdef", "Fly¦V1 fm2_" + alnum + alnum}, []string{"fo1_", "FlyV1 fm2_"}},
	"doppler-token":         {[]string{"dp.¦pt." + alnum + "abcdef"}, []string{"dp.pt.", "dp.st.dev"}},
	"pulumi-token":          {[]string{"pu¦l-" + hex32 + "00112233"}, []string{"pul-", "pul-deadbeef"}},
	"tailscale-key":         {[]string{"ts¦key-auth-" + alnum}, []string{"tskey-auth"}},
	"cloudflare-token":      {[]string{"cf¦ut_" + alnum + "abcdefgh"}, []string{"cfut_"}},
	"vault-token":           {[]string{"hv¦s." + alnum}, []string{"hvs.", "hvs.short"}},
	"age-secret-key":        {[]string{"AGE-SECRET-¦KEY-1" + strings.ToUpper(alnum)}, []string{"AGE-SECRET-KEY-1"}},
	"github-token":          {[]string{"gh¦p_" + alnum + "abcd", "gh¦s_" + alnum[:20], "gh¦p_" + alnum[:10], "github¦_pat_11ABCDEFG0" + alnum + "_" + alnum + alnum}, []string{"ghp_", "ghp_xxxxxxxxxxxxxxxxxxxx", "github_pat_", "ghs_short"}},
	"gitlab-token":          {[]string{"gl¦pat-" + alnum[:20], "gl¦ptt-" + hex32, "GR13¦48941" + alnum[:20]}, []string{"glpat-", "glpat-xxxxxxxxxxxxxxxxxxxx"}},
	"bitbucket-token":       {[]string{"AT¦BB" + alnum}, []string{"ATBB", "ATBBLOCK"}},
	"atlassian-token":       {[]string{"AT¦ATT3xFfGF0" + alnum + alnum + "=1A2B3C4D", "AT¦ATT3xFfGF0" + alnum}, []string{"ATATT3"}},
	"npm-token":             {[]string{"np¦m_" + alnum + "abcd"}, []string{"npm_", "npm_config_registry", "npm_lifecycle_script"}},
	"pypi-token":            {[]string{"py¦pi-AgEIcHlwaS5vcmc" + alnum}, []string{"pypi-AgE"}},
	"rubygems-token":        {[]string{"ruby¦gems_" + hex32 + hex32[:16]}, []string{"rubygems_", "rubygems_version"}},
	"docker-token":          {[]string{"dckr¦_pat_" + alnum[:27]}, []string{"dckr_pat_"}},
	"nuget-key":             {[]string{"oy¦2" + "a3b4c5d6e7f8g9h2i3j4k5l6m7n8o9p2q3r4s5t6u7v"}, []string{"oy2"}},
	"crates-token":          {[]string{"ci¦o" + alnum}, []string{"cio", "precio" + alnum}},
	"circleci-token":        {[]string{"CC¦IPAT_" + alnum + "_" + hex32}, []string{"CCIPAT_"}},
	"buildkite-token":       {[]string{"bk¦ua_" + hex32 + "00112233"}, []string{"bkua_"}},
	"sourcegraph-token":     {[]string{"sg¦p_" + hex32 + "00112233"}, []string{"sgp_"}},
	"artifactory-key":       {[]string{"AK¦Cp" + alnum + alnum + "abcdefgh"}, []string{"AKCp"}},
	"slack-token":           {[]string{"xo¦xb-123456789012-123456789012-" + alnum[:24], "xo¦xp-1234567890-" + hex32}, []string{"xoxb-", "xoxb-your-token-here"}},
	"slack-webhook":         {[]string{"hooks.slack¦.com/services/T01234567/B01234567/" + alnum[:24]}, []string{"hooks.slack.com/services/"}},
	"discord-webhook":       {[]string{"discord¦.com/api/webhooks/123456789012345678/" + alnum + alnum}, []string{"discord.com/api/webhooks/"}},
	"teams-webhook":         {[]string{".webhook.office¦.com/webhookb2/" + alnum + "/IncomingWebhook/" + hex32}, []string{".webhook.office.com/webhookb2/"}},
	"telegram-token":        {[]string{"123456789:A¦A" + alnum + "x"}, []string{"12:AA", "123456789:AAAA"}},
	"sendgrid-key":          {[]string{"S¦G." + alnum[:22] + "." + alnum + "abcdefghijk"}, []string{"SG.", "SG.example"}},
	"twilio-key":            {[]string{"S¦K" + hex32}, []string{"SK", "SK123", "S¦K" + hex32 + "00", "TASK" + hex32}},
	"mailgun-key":           {[]string{"ke¦y-" + hex32}, []string{"key-", "monkey-" + hex32, "ke¦y-" + hex32 + "00"}},
	"mailchimp-key":         {[]string{hex32 + "-¦us12"}, []string{"-us1", "en-us1"}},
	"brevo-key":             {[]string{"xkey¦sib-" + hex32 + hex32 + "-" + alnum[:16]}, []string{"xkeysib-"}},
	"mailersend-key":        {[]string{"ml¦sn." + hex32 + hex32}, []string{"mlsn."}},
	"stripe-key":            {[]string{"sk¦_live_" + alnum[:24], "rk¦_live_" + alnum[:24], "sk¦_test_" + alnum[:24]}, []string{"sk_live_", "task_test_" + alnum, "sk_test_helper_method"}},
	"stripe-webhook-secret": {[]string{"wh¦sec_" + alnum}, []string{"whsec_"}},
	"shopify-token":         {[]string{"shp¦at_" + hex32}, []string{"shpat_"}},
	"square-token":          {[]string{"sq0¦atp-" + alnum[:22], "EA¦AA" + alnum + alnum[:28]}, []string{"sq0atp-", "EAAAAAAA"}},
	"facebook-token":        {[]string{"EA¦AG" + alnum + alnum + alnum}, []string{"EAAG"}},
	"easypost-key":          {[]string{"EZ¦AK" + alnum + alnum[:22]}, []string{"EZAK"}},
	"anthropic-key":         {[]string{"sk-¦ant-api03-" + alnum + "-" + alnum + "AA"}, []string{"sk-ant-", "task-ant-" + alnum}},
	"openai-key":            {[]string{"sk-¦proj-" + alnum + "_" + alnum, "sk-¦" + alnum + "abcdefghijklmnop", "sk-¦svcacct-" + alnum}, []string{"sk-", "task-" + alnum, "disk-" + alnum, "sk-loading-indicator-container", "sk-circle-fade-dot"}},
	"openrouter-key":        {[]string{"sk-¦or-v1-" + hex32 + hex32}, []string{"sk-or-v1-"}},
	"langsmith-key":         {[]string{"lsv2¦_pt_" + hex32 + "_0011223344"}, []string{"lsv2_pt_"}},
	"huggingface-token":     {[]string{"hf¦_" + alnum + "ab"}, []string{"hf_", "hf_hub_download", "hf_transfer"}},
	"groq-key":              {[]string{"gs¦k_" + alnum + "WGdyb3FYabcdefghijkl"}, []string{"gsk_"}},
	"xai-key":               {[]string{"xa¦i-" + alnum + alnum}, []string{"xai-", "xai-grok"}},
	"perplexity-key":        {[]string{"pp¦lx-" + alnum + "abcdefghijklmnop"}, []string{"pplx-", "pplx-7b-online"}},
	"replicate-token":       {[]string{"r8¦_" + alnum + "abcde"}, []string{"r8_"}},
	"nvidia-key":            {[]string{"nv¦api-" + alnum + alnum}, []string{"nvapi-"}},
	"tavily-key":            {[]string{"tv¦ly-" + alnum}, []string{"tvly-"}},
	"airtable-token":        {[]string{"pa¦t" + alnum[:14] + "." + hex32 + hex32}, []string{"pat", "path.hexhex"}},
	"linear-key":            {[]string{"lin¦_api_" + alnum + "abcdefgh"}, []string{"lin_api_"}},
	"notion-token":          {[]string{"nt¦n_" + alnum + "abcdefghijklmn", "secret¦_" + alnum + "aB3dE6gH9jK"}, []string{"ntn_", "secret_name", "secret_key_base_for_production_environment"}},
	"figma-token":           {[]string{"fi¦gd_" + alnum + "abcdefgh"}, []string{"figd_"}},
	"postman-key":           {[]string{"PM¦AK-" + hex32[:24] + "-" + hex32 + "00"}, []string{"PMAK-"}},
	"newrelic-key":          {[]string{"NR¦AK-" + strings.ToUpper(alnum[:27])}, []string{"NRAK-"}},
	"sentry-token":          {[]string{"sn¦trys_" + alnum + alnum}, []string{"sntrys_"}},
	"grafana-token":         {[]string{"gl¦sa_" + alnum + "_1a2b3c4d", "gl¦c_" + alnum + alnum}, []string{"glsa_", "glc_"}},
	"posthog-key":           {[]string{"ph¦x_" + alnum + "abcdefghijk"}, []string{"phx_", "phx_socket"}},
	"dynatrace-token":       {[]string{"dt0¦c01." + strings.ToUpper(alnum[:24]) + "." + strings.ToUpper(alnum+alnum)}, []string{"dt0c01."}},
	"onepassword-token":     {[]string{"op¦s_eyJ" + alnum + alnum}, []string{"ops_eyJ"}},
	"dropbox-token":         {[]string{"s¦l." + alnum + alnum + alnum + alnum}, []string{"sl.", "lib/libssl.so"}},
	"jwt":                   {[]string{"ey¦JhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0." + alnum, "ey¦JhbGciOiJub25lIn0.eyJzdWIiOiIxMjM0NTY3ODkwIn0"}, []string{"eyJ", "eyJhbGciOiJIUzI1NiJ9", "eyJhbGciOiJIUzI1NiJ9.x"}},
	"authorization":         {nil, []string{"Bearer token", "Bearer authentication is used", "bearer of bad news", "Bearer $TOKEN", "Bearer <token>"}},
	"password-hash":         {[]string{"$2¦b$12$" + alnum + alnum[:21], "$6¦$rounds=5000$saltsalt$" + alnum + alnum, "$y¦$j9T$" + alnum[:22] + "$" + alnum}, []string{"$1", "$2b$", "$6$", "echo $1 $2"}},
	"discord-token":         {nil, []string{"discord.js is a library", "discord.Client.on.ready"}},
}

func TestTokenSamples(t *testing.T) {
	e := newEngine(t)
	for i := range tokenRules {
		if _, ok := tokenSamples[tokenRules[i].kind]; !ok {
			t.Errorf("rule %s has no samples", tokenRules[i].kind)
		}
	}
	for kind, samples := range tokenSamples {
		for _, m := range samples.match {
			m = sample(m)
			for _, around := range []string{"@", "run @ now", `"@"`, `{\"x\":\"@\"}`, "x @.", "(@)", "line\n@\n", `\n@\n`, "a,@,b", "`@`", "<@>", "https://x.y/?q=@&b=1"} {
				if strings.Contains(m, "=") && strings.Contains(around, "?") {
					continue
				}
				text := strings.ReplaceAll(around, "@", m)
				found := e.Find(text)
				if len(found) != 1 || text[found[0].Start:found[0].End] != m || found[0].Kind != kind {
					t.Errorf("%s: in %q found %v", kind, text, found)
				}
			}
		}
		for _, r := range samples.reject {
			r = sample(r)
			for _, around := range []string{"@", "run @ now", `"@"`} {
				text := strings.ReplaceAll(around, "@", r)
				if found := e.Find(text); len(found) > 0 {
					t.Errorf("%s: in %q found %v", kind, text, found)
				}
			}
		}
	}
}
