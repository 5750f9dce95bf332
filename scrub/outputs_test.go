package scrub

import "testing"

// TestWhatAgentsPrint holds the secrets in what agents' commands print and take, by where they stand.
func TestWhatAgentsPrint(t *testing.T) {
	e := newEngine(t)
	for _, c := range []string{
		// env and .env
		"HOME=/root\nPGPASSWORD=«hunter2»\nSHELL=/bin/sh", "declare -x DB_PASS=\"«Tr0ub4dor»\"", "STRIPE_WEBHOOK_SECRET=«whatever-it-is»\nPORT=3000", "export REDIS_AUTH_TOKEN='«a b c d»'", "APP_KEY=«base64:ZmFrZWtleWZha2VrZXlmYWtla2V5ZmFrZWtleWZha2U=»",
		"SMTP_PASSWORD = «mail-Pass9»\nSMTP_PORT = 587", "set \"DB_PASSWORD=«Geheim123»\"", "$env:DB_PASSWORD = '«Geheim123»'", "[Environment]::SetEnvironmentVariable(\"API_TOKEN\", \"«aB3dE6gH9jK2mN5p»\")",
		"JENKINS_PSW=«s3cr3tpsw»", "IRC_PASS=«irc_pass»", "LDAP_BIND_PW=«bindpw1»", "MYSQL_ROOT_PASSWORD: «rootpw99»", "      - POSTGRES_PASSWORD=«pgpw»", "ENV API_TOKEN «aB3dE6gH9jK2mN5p»", "ARG NPM_TOKEN=«aB3dE6gH9jK2mN5p»",
		// cloud CLIs
		"{\n  \"AccessKeyId\": \"«AK¦IAQ7XW2ZK5RJ4MBN6P»\",\n  \"SecretAccessKey\": \"«wJalrXUtnFEMI/K7MDENG/bPxRfiCYA1b2C3d4E5»\"\n}", "aws_secret_access_key = «wJalrXUtnFEMI/K7MDENG/bPxRfiCYA1b2C3d4E5»", "\"SecretString\": \"«{\\\"user\\\":1}»\"",
		"\"accessToken\": \"«ey¦JhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0." + alnum + "»\"", "az sp: \"password\": \"«abc8¦Q~" + alnum + "x»\"", "\"private_key\": \"«-----BEGIN PRIVATE¦ KEY-----\\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\\n-----END PRIVATE¦ KEY-----\\n»\"",
		"ya¦ml\nclient-certificate-data: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0t\nclient-key-data: «LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVkt»", "    token: «" + alnum + "»\n", "token: «s.ZC9Ecf4M5g9o34Q6RkzGsj0z»", "db_password = \"«correct horse battery»\"",
		// Kubernetes
		"apiVersion: v1\nkind: Secret\nmetadata:\n  name: x\ndata:\n  user: «YWRtaW4=»\n  conf: «eyJhIjoxfQ==»\ntype: Opaque", "apiVersion: v1\ndata:\n  extra: '«YWRtaW46cGFzcw==»'\nkind: Secret", "kind: Secret\nstringData:\n  a: |\n    «line one\n    line two»\n  b: «x»",
		"{\n  \"kind\": \"Secret\",\n  \"data\": {\n    \"a\": \"«YWRtaW4=»\"\n  }\n}", "- kind: Secret\n  data:\n    k: «c2VjcmV0»\n- kind: ConfigMap\n  data:\n    k: v", "kind: ConfigMap\ndata:\n  key: value", "kubectl create secret docker-registry r --docker-password=«Pa55»",
		"name: API_TOKEN\n          value: «" + alnum + "»", "- name: DB_PASSWORD\n  value: \"«pw1»\"",
		// Terraform
		"\"db_password\": {\n    \"sensitive\": true,\n    \"type\": \"string\",\n    \"value\": \"«Sup3r»\"\n  }", "password = \"«Sup3r-Secret»\"", "  + password = \"«Sup3r-Secret»\"", "-var db_password=«Sup3rSecret»",
		// remotes, URLs, connection strings
		"origin\thttps://bob:«hunter2»@github.com/a/b.git (fetch)", "origin https://«gh¦p_" + alnum + "abcd»@github.com/a/b (push)", "postgresql://app:«p%40ss»@db:5432/x?sslmode=require", "mongodb+srv://root:«S3cure»@c0.mongodb.net/test", "redis://:«foobared»@cache:6379/0", "amqps://svc:«q-pass»@mq/vh",
		"Server=db;Database=x;User Id=sa;Password=«Yukon900»;Encrypt=yes", "DRIVER={ODBC};UID=sa;PWD=«Yukon900»;", "AccountKey=«" + alnum + alnum + "abcdefghijABCDEFGHIJKL==»;EndpointSuffix=core.windows.net", "jdbc:mysql://db/x?user=a&password=«jd-bc1»", "host=db user=app password=«pq1x»  dbname=x",
		"https://user@example.org:«pass!#@498»@github.com", "https://x.blob.core.windows.net/c?sv=2022-11-02&sig=«aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eFaB3dE6gH9jK%3D»", "?X-Amz-Signature=«" + hex32 + hex32 + "»",
		"localhost:5432:orders:app:«s3cret»", "machine api.x login bob password «hunter2»", "//registry.npmjs.org/:_authToken=«" + alnum + "»", "_password=«cGFzc3dvcmQ=»", "[pypi]\nusername = __token__\npassword = «py¦pi-AgEIcHlwaS5vcmc" + alnum + "»", "\"auth\": \"«Ym9iOmh1bnRlcjI=»\"",
		// HTTP
		"Authorization: Basic «Ym9iOmh1bnRlcjI=»", "> Cookie: «sid=" + alnum + "; theme=dark»", "x-api-key: «" + alnum[:20] + "»", "Proxy-Authorization: Basic «Ym9iOmh1bnRlcjI=»", "-H \"X-Vault-Token: «s.aB3dE6gH9jK2mN5pQ8sT1vW4»\"", "PRIVATE-TOKEN: «aB3dE6gH9jK2mN5pQ8sT»",
		// programs
		"mysql -h db -u root -p«hunter2» orders", "mysqldump --password=«x9y8» a", "sshpass -p «pw» ssh h", "docker login -u u -p «pw» r", "redis-cli -a «pw» ping", "openssl enc -aes-256-cbc -k «pw» -in a", "openssl rsa -passin pass:«pw» -in k", "setx API_TOKEN «" + alnum + "»", "curl -u bob:«pw» https://x", "curl --user 'bob:«p w»' https://x", "curl -d 'username=a&password=«pw1»' https://x",
		"helm upgrade x . --set db.password=«pw1x»,a=b", "aws configure set aws_secret_access_key «" + alnum + "»", "az login --service-principal -u x -p «pw» --tenant t", "gh secret set X --body «pw»", "npm config set //r/:_authToken=«" + alnum + "»", "twine upload -u u -p «pw» d/*", "vault kv put secret/x password=«pw»", "smbclient //s/x -U bob%«pw»", "ldapsearch -D cn=a -w «pw» -b x",
		"sqlcmd -S s -U sa -P «pw»", "psql \"host=db password=«pw1x»\"", "PGPASSWORD=«pw» psql", "echo «pw» | sudo -S ls", "echo \"«pw»\" | docker login -u u --password-stdin", "sudo -S ls <<< «pw»", "ConvertTo-SecureString \"«pw»\" -AsPlainText -Force", "net user bob «pw» /add", "zip -P «pw» x.zip f", "7z a -p«pw» x.7z f", "htpasswd -b f u «pw»", "[\"mysql\",\"-p«pw»\"]", "[\"curl\",\"--token\",\"«pw1x»\"]",
		// configuration
		"spring.datasource.password=«pw1x»", "password: «correct-horse9»\n", "DATABASES = {'default': {'PASSWORD': '«dj-pass»', 'HOST': 'db'}}", "secret_key_base: «" + hex32 + "»", "<property name=\"hibernate.connection.password\">«pw»</property>", "<add key=\"ApiPassword\" value=\"«pw»\" />", "<password>«pw»</password>", "<key>api_password</key>\n  <string>«pw»</string>",
		"define('DB_PASSWORD', '«wp-pass1»');", "'password' => '«la-pass»',", "password \"«gradle-pw»\"", "requirepass «foobared»", "auth_pass «k33p»", "IdentityFile ~/.ssh/id", "{\"passwords\":[\"«Aa1!aa»\",\"«Bb2!bb»\"]}", "tokens:\n  - «" + alnum + "»\n  - \"«" + alnum + "»\"\nx: y",
		"proxy_set_header X-Api-Key «aB3dE6gH9jK2mN5p»;", "if password == \"«letmein1»\":", "if (\"«Letmein1!»\" == password) {", "token = os.getenv(\"TOKEN\", \"«aB3dE6gH9jK2mN5p»\")", "const token = process.env.TOKEN || '«aB3dE6gH9jK2mN5p»';", "map.put(\"password\", \"«hard1coded»\");", "char secret[] = \"«aB3dE6gH9jK2mN5p»\";", "const apiToken string = \"«aB3dE6gH9jK2mN5p»\"",
		"client.login('«MTk4NjIyNDgzNDcxOTI1¦MjQ4.Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs»')", "DISCORD=«Nzk5MjgxNDk0NDc2NDU1OTg3¦.YABS5g.2lmzECVlZv3vv6miVnUaKPQi2wI»", "MTk4NjIyNDgzNDcxOTI1MjQ4.js.map", "MTIzNDU2.abcdef.min",
		// traces and logs
		"sqlalchemy.exc.OperationalError: (psycopg2) connection to postgresql://app:«pw1»@db/x failed", "dsn=\"user=a password=«pw1» host=b\"", "Login with password=«hunter2x» failed", "level=debug msg=\"request\" authorization=\"Bearer «" + alnum + "»\"", "config={\"db\":{\"password\":\"«pw1»\"}}", "root:«$6¦$rounds=5000$saltsalt$" + alnum + alnum + "»:19787:0:99999:7:::", "bob:«$2¦y$10$" + alnum + alnum[:21] + "»",
	} {
		checkMarked(t, e, c)
	}
}
