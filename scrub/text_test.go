package scrub

import (
	"regexp"
	"strings"
	"testing"
)

var labelPattern = regexp.MustCompile(`\[REDACTED:[a-z0-9-]{3,}(:k1:[0-9a-f]{16})?\]`)

// checkMarked scrubs text whose secrets stand in «», and holds that they go and all else stays.
func checkMarked(t *testing.T, e *Engine, marked string) {
	t.Helper()
	marked = sample(marked)
	text := strings.NewReplacer("«", "", "»", "").Replace(marked)
	want := regexp.MustCompile(`(?s)«[^»]*»`).ReplaceAllString(marked, "⟦⟧")
	clean, n := e.Text(text)
	if got := labelPattern.ReplaceAllString(clean, "⟦⟧"); got != want {
		t.Errorf("text %q\n got %q\nwant %q", text, got, want)
	}
	if (n > 0) != strings.Contains(marked, "«") {
		t.Errorf("text %q: %d redactions", text, n)
	}
	if again, k := e.Text(clean); again != clean || k != 0 {
		t.Errorf("text %q: scrubbed again %q", clean, again)
	}
}

func TestNamesAndValues(t *testing.T) {
	e := newEngine(t)
	for _, c := range []string{
		"PGPASSWORD=«hunter2» psql -h db",
		"export PGPASSWORD=«hunter2» && psql",
		"export DB_PASS='«it is a pass»'",
		`export DB_PASS="«it is a pass»"; ls`,
		"password=«Summer2024!»",
		"FOO_PWD=«abc123xy»",
		"FOO_TOKEN=«abcd1234»",
		"FOO_TOKEN=«tokenvalue» make",
		"MYSQL_PWD=«root»",
		"SECRET_KEY_BASE=«abc»",
		"AWS_SECRET_ACCESS_KEY=«wJalrXUtnFEMI/K7MDENG/bPxRfiCYEX¦AMPLEKEY»",
		"aws_secret_access_key = «wJalrXUtnFEMI/K7MDENG/bPxRfiCYEX¦AMPLEKEY»",
		`{"password":"«x1»","n":1}`,
		`{"password" : "«a b c»", "n": 1}`,
		`{"user":"me","apiKey":"«abc123»"}`,
		`{\"api_key\":\"«abcdef»\",\"b\":2}`,
		`{\\\"api_key\\\":\\\"«abcdef»\\\",\\\"b\\\":2}`,
		`"{\"cmd\":\"export TOKEN=«abc1»\"}"`,
		`{"cmd":"export TOKEN=«abc1» && ls","cwd":"/x"}`,
		`'client_secret' => '«abc»',`,
		`:password => "«abc»"`,
		`config["api_token"] = "«abc»"`,
		`os.environ['API_TOKEN'] = '«abc»'`,
		`$env:API_KEY = "«abc def»"`,
		`$password = '«abc»';`,
		`const password = "«abc»";`,
		`let token: string = "«abc»";`,
		`password: str = "«abc»"`,
		`if password == "«abc»":`,
		"password: «hunter2»",
		"password: «correct»\nuser: x",
		"  db_password: «hunter2»  # comment",
		"password: |\n  «hunter2 or so»\nuser: me",
		"- name: DB_PASSWORD\n  value: «hunter2»\n- name: X\n  value: y",
		`{"name":"DB_PASSWORD","value":"«hunter2»"}`,
		`<password>«hunter2»</password>`,
		`<add key="Password" value="«hunter2»"/>`,
		"Server=db;User Id=sa;Password=«P@ss,w0rd»;Encrypt=true",
		"Server=db;Uid=sa;Pwd=«hunter2»;",
		"DefaultEndpointsProtocol=https;AccountName=x;AccountKey=«Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==»;EndpointSuffix=core.windows.net",
		"//registry.npmjs.org/:_authToken=«abc123»",
		"_auth=«dXNlcjpwYXNz»",
		"--password «hunter2» --user me",
		"--password=«hunter2»",
		"--api-key «abc123» run",
		"tool --token '«my token»' x",
		"-storepass «changeit» -keypass «changeit»",
		`["tool","--token","«abc»","-v"]`,
		"machine github.com login me password «zz1»",
		"machine github.com\n  login me\n  password «zz1»\n",
		"CREATE USER app WITH PASSWORD '«hunter2»';",
		"ALTER USER 'x'@'%' IDENTIFIED BY '«hunter2»'",
		"the password is «hunter2x»",
		"https://api.x/v1?access_token=«abc1»&x=1",
		"https://api.x/v1?key=«" + alnum + "»",
		"https://x.blob.core.windows.net/c?sv=2020&sig=«aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF%3D»&se=1",
		"https://s3/x?X-Amz-Signature=«" + hex32 + hex32 + "»&y=1",
		"https://s3/x?X-Amz-Security-Token=«abcd»&y=1",
		`https://x/?a=1\u0026token=«abc1»\u0026b=2`,
		"otpauth://totp/x?secret=«JBSWY3DPEHPK3PXP»&issuer=x",
		"client-key-data: «LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0tLQo=»",
		"postgres://app:«s3cr3t»@db:5432/x",
		"postgres://app:«s3/cr3t»@db:5432/x",
		"redis://:«s3cr3t»@cache:6379/0",
		"https://«" + alnum + "»@github.com/x/y.git",
		"https://x-access-token:«" + alnum + "»@github.com/x/y.git",
		"amqp://a:«b»@c",
		`"postgres://app:«s3cr3t»@db/x"`,
		"mongodb+srv://u:«p@ss»@c.mongodb.net/db",
		"jdbc:mysql://db/x?user=a&password=«b1»",
		"password=«${X:-hunter2}»",
		"password=«[REDACTED:]hunter2»",
		"password=«[REDACTED:password]hunter2»",
		"password=«[REDACTED:x]»",
		"password=«[REDACTED:password:k1:0123456789abcde]»",
		"[REDACTED:x] «gh¦p_" + alnum + "»",
		"TOKEN=«abc\"def\"ghi»",
		"PASSWORD=«it'\\''s»",
		`PASSWORD='«it'\''s»' ls`,
		"ENCRYPTION_KEY=«" + hex32 + "»",
		"OPENAI_KEY=«" + alnum + "»",
		"DB_PASSWORD=«[abc»",
		"DB_PASSWORD=«{abc}1»",
		"curl -d 'user=a&password=«b1»&c=d' x",
		"spring.datasource.password=«abc»",
		"helm install --set auth.password=«abc»,x=y",
		"-----BEGIN CERTIFICATE-----\nMIID\n-----END CERTIFICATE-----\npassword=«x1»",
		`PASSWORD=«a1»\nPATH=/bin`,
		"cmdkey /add:x /user:y /pass:«hunter2»",
		"my password is: «hunter2x»",
	} {
		checkMarked(t, e, c)
	}
}

func TestHeaders(t *testing.T) {
	e := newEngine(t)
	for _, c := range []string{
		`curl -H "Authorization: Bearer «abc.def-123»" https://x`,
		`curl -H 'Authorization: token «abc»' https://x`,
		`curl -H 'authorization: «abc»' https://x`,
		"Authorization: Basic «dXNlcjpwYXNz»\nHost: x",
		"Authorization: «abc123»\r\nHost: x",
		"Proxy-Authorization: Basic «dXNlcjpwYXNz»\n",
		"Authorization: AWS4-HMAC-SHA256 «Credential=AK¦IA" + b32 + "/20250101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=" + hex32 + hex32 + "»\nHost: x",
		`{"Authorization": "Bearer «abc»"}`,
		`{"Authorization":["Bearer «abc123»"]}`,
		`{"headers":"{\"Authorization\":\"Bearer «abc»\"}"}`,
		"Cookie: «sid=abc; theme=dark»\nHost: x",
		"Set-Cookie: «sid=abc; Path=/; HttpOnly»\r\n",
		"< set-cookie: «sid=abc; Path=/»\n",
		`curl -H 'Cookie: «a=b; c=d»' x`,
		"X-Api-Key: «abcdef12»",
		"X-Auth-Token: «abcdef12»",
		`-H "X-Api-Key: «abcdef12»"`,
		`-H "X-API-Key: «abcdefgh»"`,
		"PRIVATE-TOKEN: «abcdefgh1»",
		`headers = {"X-Auth-Token": "«abc»"}`,
		`requests.get(u, headers={'Authorization': f'Bearer «abc123xyz»'})`,
		"got Authorization: Bearer «abc123xyz» from client",
		"sent header Bearer «" + alnum + "»",
	} {
		checkMarked(t, e, c)
	}
}

func TestPrograms(t *testing.T) {
	e := newEngine(t)
	for _, c := range []string{
		"mysql -u root -p«hunter2» db",
		"mysql -uroot -p'«hun ter2»' db",
		"mysqldump -p«x» -h db app > dump.sql",
		`["mysql","-u","root","-p«X1»"]`,
		`["mysql", "-u", "root", "-p«X1»"]`,
		`{\"args\":[\"mysql\",\"-p«X1»\"]}`,
		`{"cmd":"mysql -p«X1»","cwd":"/"}`,
		`bash -c "mysql -p«X1»"`,
		"sshpass -p «hunter2» ssh root@h",
		"sshpass -p'«hunter2»' ssh root@h",
		"curl -u admin:«hunter2» https://x",
		`curl -u "admin:«hunter2»" https://x`,
		"curl --user admin:«hunter2» https://x",
		"curl --user=admin:«hunter2» https://x",
		"curl -uadmin:«hunter2» https://x",
		"curl -s \\\n  -u admin:«hunter2» \\\n  https://x",
		"curl -sS https://x | sudo tee /y; curl -u a:«b» z",
		"wget --password=«abc» --user=u http://x",
		"docker login -u me -p «hunter2» registry.io",
		"echo «hunter2» | docker login -u me --password-stdin",
		"redis-cli -h x -a «hunter2» ping",
		"mongosh -u a -p «hunter2» --host x",
		`psql "host=x user=y password=«abc» dbname=z"`,
		"curl -b «sid=abc» x",
		"openssl enc -aes-256-cbc -pass pass:«hunter2» -in x",
		"openssl rsa -in k -passin pass:«hunter2» -out y",
		"echo «hunter2» | sudo -S apt update",
		"echo '«hunter2»' | sudo -S apt update",
		"printf '%s\\n' «hunter2» | sudo -S apt update",
		"echo -n «hunter2» | sudo -S true",
		"sudo -S true <<< «hunter2»",
		"kubectl create secret generic x --from-literal=pw=«hunter2» --from-literal=user=«me»",
		"kubectl create secret generic x --from-literal pw=«hunter2»",
		"kubectl create secret generic x --from-literal=k=\"«hunter 2»\"",
		"kubectl create secret docker-registry r --docker-password=«abc» --docker-username=u",
		"helm upgrade x . --set db.password=«abc» --set image.tag=v1",
		"aws configure set aws_secret_access_key «abc»",
		"aws configure set aws_session_token «abc» --profile x",
		"aws secretsmanager create-secret --name x --secret-string «abc»",
		"aws ssm put-parameter --name /x --type SecureString --value «abc»",
		"gh auth login --with-token <<< «abc»",
		"echo «abc» | gh auth login --with-token",
		"gh secret set FOO --body «abc»",
		"vault login «abcdef»",
		"vault login -method=userpass username=me password=«abc»",
		"vault kv put secret/app user=«me» pw=«abc»",
		"htpasswd -b -c .htpasswd me «abc»",
		"htpasswd -nbB me «abc»",
		"az login --service-principal -u x -p «abc» --tenant t",
		"setx API_TOKEN «abc»",
		"setx API_TOKEN \"«a b»\" /M",
		"set -gx API_TOKEN «abc»",
		"mysql -u root -p«MySecret123» db",
		"curl -d 'password='«hunter2»' x",
		"don't log password:'«hunter2»'",
		"set API_TOKEN «k3Jd8sQ2xZ»",
		"npm config set //registry.npmjs.org/:_authToken «abc»",
		"ldapsearch -x -D cn=admin -w «abc» -b dc=x",
		"smbclient //h/s -U me%«abc»",
		"7z a -p«abc» x.7z d",
		"zip -P «abc» x.zip d",
		"unzip -P «abc» x.zip",
		"sqlcmd -S h -U sa -P «abc» -Q x",
		"ssh-keygen -t ed25519 -N \"«my phrase»\" -f k",
		"lftp -u me,«abc» h",
		"sqlplus scott/«tiger»@orcl",
		"rabbitmqctl add_user me «abc»",
		"flyctl secrets set FOO=«abc» BAR=«def»",
		"net user me «abc» /add",
		"git clone https://me:«abc»@h/x.git",
		"snyk auth «abc»",
		"rclone obscure «abc»",
		"nmcli dev wifi connect X password «abc»",
		`ConvertTo-SecureString "«abc»" -AsPlainText`,
		"mysql.exe -uroot -p«abc»",
		"/usr/bin/mysql -p«abc»",
		"docker exec db mysql -p«abc» -e 'select 1'",
		"docker run -e MYSQL_ROOT_PASSWORD=«abc» mysql",
		"xfreerdp /u:me /p:«abc» /v:h",
	} {
		checkMarked(t, e, c)
	}
}

func TestNoSecrets(t *testing.T) {
	e := newEngine(t)
	for _, c := range []string{
		"", "ls -la", "git log --oneline",
		"commit 5f0e1d2c3b4a59687766554433221100ffeeddcc",
		"index 5f0e1d2..3b4a596 100644",
		"123e4567-e89b-12d3-a456-426614174000",
		"sha256:" + hex32 + hex32,
		`"integrity": "sha512-aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eFaB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eFaB3dE6gH9jK2mN5pQ8sT1v=="`,
		"h1:aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eFaB3dE6gH9jK=",
		"data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk",
		"toolu_01" + alnum[:22], "call_" + alnum[:24], "msg_01" + alnum, "session_id: " + alnum, `"session_id":"` + hex32 + `"`,
		"the task-runner-with-a-very-long-name-1234567890", "risk-assessment-2024-report-final-v2", "disk-usage-monitor-abcdefghijkl1234567890",
		"PWD=/home/x", "OLDPWD=/home/x/src", "cd $PWD && ls", "docker run -v $PWD:/src x", `docker run -v "$PWD:/src" x`,
		"TOKENIZERS_PARALLELISM=false", "max_tokens: 4096", `"max_tokens":4096,"temperature":0`, `"input_tokens": 12345`, "token_count=12345",
		"prompt_tokens=12 completion_tokens=34", `"usage":{"input_tokens":3,"cache_creation_input_tokens":123456}`, "eos_token: </s>", `"pad_token":"[PAD]"`,
		"PUBLIC_KEY=" + alnum, "KEY_ID=" + alnum, `"keyId":"` + alnum + `"`, "primary_key=True", "primary key: id", "PRIMARY KEY (id)", "keyboard: us", "monkey=patched",
		"--pass-through", "--passthrough=yes", "pass: 12 fail: 3", "--- PASS: TestFoo (0.00s)", "PASS: test_bar", "passed=12",
		"mkdir -p /a/b", "cp -p a b", "ssh -p 22 h", "docker run -p 80:80 nginx", "docker run -p 8080:80 --name login x", "tar -xpf x.tar -p", "grep -p x", "psql -p 5432 -h db", "mysql -P 3306 -h x", "mysql -u root -p db",
		"mysql --port=3306", "curl -u $USER:$PASS x", `curl -H "Authorization: Bearer $TOKEN" x`, `curl -H "Authorization: Bearer ${TOKEN}" x`,
		"docker login -u me --password-stdin < f", "echo $PASS | docker login --password-stdin", `echo "$PASS" | sudo -S true`, "docker login -p $PASS", "docker login -p \"$PASS\"",
		"password=$PASSWORD", "password=${PASSWORD}", "password=${{ secrets.PASSWORD }}", "password=%PASSWORD%", "password=<password>", "password=$(cat /run/pw)", "password=", "password=''", `password=""`, "password: ****", "token=xxxxx",
		"TOKEN=$TOKEN", "TOKEN=$(get)", `TOKEN="$(get)"`, `"password": null`, `"password": true`, `"token":""`, "password=***", "password=[REDACTED]",
		"token = getToken()", "const token = await getToken();", "token := r.Header.Get(\"X\")", "token = os.environ[\"TOKEN\"]", "password = input(\"p\")", "password: string;", "token: string | null", "token?: string", "password: str", "def f(user, password):", "f(password=password, token=token)", "f(token=tok, x=1)",
		"f(password=cfg.password)", "this.token = token;", "self.password = password", "if (password == null)", "if token != nil {", "return token", "type Token struct {", "token.Value()", "password: z.string().min(8),", "token: req.body.token,", "key: value", `key="value"`, "<Item key={id} />", "key={item.id}",
		"Password: Enter your password", `"Password is required"`, `message: "Token expired"`, `"error": "invalid token"`, "see --password to set it", "--password PASSWORD", "--password <password>", "--password-stdin", "--password-file /x/y", "--token-ttl 5m", "  --password string   Password for the registry",
		"src/auth/token.go:12:5: undefined: x", "src/token_store/a.go:41: // TODO", "/etc/passwd:12:", "cat: /etc/passwd: No such file", "passwd: files systemd", "auth: required", "auth: basic", "authorization: approved by policy",
		"https://x.y/a?limit=50&page=2", "https://host:4873/@scope/pkg", "git@github.com:x/y.git", "ssh://git@github.com/x/y", "http://localhost:8080/x@y", "user@host:/path", "https://registry.npmjs.org/@types/node", "next_page_token=abc123def456ghi7", `"nextPageToken":"abc123def456ghi7"`, "continuation_token: abc123def456ghi7",
		"SSH_AUTH_SOCK=/tmp/ssh-x/agent.1", "credentials: include", "--credentials=/etc/x.json", "GOOGLE_APPLICATION_CREDENTIALS=/home/x/key.json", "private_key: /etc/ssl/private.key", "ssh -i ~/.ssh/id_rsa h", "--key server.key --cert server.crt", "cookie: true", "cookies are good", "SECRET_NAME=foo", "secretName: my-secret", "secretKeyRef:\n  name: x\n  key: y", "aws-access-key-id", "AWS_ACCESS_KEY_ID=$X",
		`grep -r "BEGIN RSA PRIVATE KEY" .`, "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA\n-----END PUBLIC KEY-----", "-----BEGIN CERTIFICATE-----\nMIIDdzCCAl+gAwIBAgIEAgAAuTANBgkqhkiG9w0BAQUFADBaMQswCQYDVQQGEwJJ\n-----END CERTIFICATE-----",
		"var a=function(t,e){return t.token=e,this.key=t.key},n={password:e.password,secret:t.secret};", `!function(e){e.exports={auth:n(1),token:n(2)}}`, "don't it's we're 'quoted' \"quoted\"",
		"TOKENS=(a b)", "API_KEY={api_key}", "token=(x)", "key={id}", "secrets: [a, b]",
		"secret = random.choice(words)", "cache_key=" + hex32, "sort_key: name", `"key": "` + hex32 + `"`, "idempotency-key: " + hex32, "keep the secret safe", "The token is invalid", "password is required", "tokens: 512", "author: me", "authors=x", "authority: https://x", "compass: north", "bypass=1", "trespass: no", "keystore: x.jks", "key_file=/x", "tokenizer: gpt2", "passenger=12", "passive: true",
		"console.error('Set ANTHROPIC_API_KEY or OPENAI_API_KEY');", "Set APP_PASSWORD environment variable",
		"if text.startswith('authtoken:') or 'authtoken' in text:", `if (line.includes("token=")) {`, "grep 'password:' file.txt", "print('Enter password: ')",
		"ssh-keygen -t rsa -N '' -f k", "Bearer tokens.Next one", "key := strings.TrimSpace(line[:i])", `t.Fatalf("unexpected token: %#v", tok)`, "LOCAL_CREDS = 0x2", "privateKey = testEd25519PrivateKey", "GET /secret HTTP/1.1", "case Pw: // 64-bit", `identified by "repeat" is`, "if tok.ScanToken == '+' {", `"proxy-authorization": 49,`,
		"set -e", "set -euo pipefail", "set the token to something", "curl -O https://x/y", "vault status", "openssl x509 -in c.pem -noout", "sudo apt install x", "npm install --save-dev x", "kubectl get secret x -o yaml", "kubectl create configmap x --from-literal=k=v", "gh pr create --body \"fixes it\"", "helm upgrade x . --set image.tag=v1", "aws s3 cp a s3://b", "docker login registry.io", "redis-cli ping", "htpasswd -c f u", "zip -r x.zip d", "7z x a.7z", "az group list", "net user", "vault login", "curl -b cookies.txt x", "curl -E cert.pem x",
		"warning: unused variable: `token_store`", `"decision":"allow"`, "aB3dE6gH9jK2", "x_api_key_id: 5", "public_token_url=https://x", "secret_id=db/password",
	} {
		checkMarked(t, e, c)
	}
}

func TestDisguise(t *testing.T) {
	e := newEngine(t)
	token := "gh¦p_" + alnum
	for _, c := range []string{
		"x «gh¦p_\x1b[31m" + alnum + "» y",
		"x \x1b[31m«" + token + "»\x1b[0m y",
		"\x1b[01;31m\x1b[Kpassword\x1b[m\x1b[K=«hunter2»",
		"x «gh\"p_\"" + alnum + "» y",
		"x «gh''p_" + alnum + "» y",
		"x «gh\\\np_" + alnum + "» y",
		`{"x":"\u001b[31m«` + token + `»\u001b[0m"}`,
		"pass\\\nword=«hunter2»",
	} {
		checkMarked(t, e, c)
	}
}
