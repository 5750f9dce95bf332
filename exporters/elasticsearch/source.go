package elasticsearch

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// ParseURL reads the address of a cluster as people write it on a command line:
//
//	https://HOST:9200[,https://HOST:9200…][?name=value&…]
//
// with the names of the configuration: namespace, cloud_id (instead of hosts), api_key_file, username, password_file,
// ca_file, certificate_file, key_file. Credentials themselves are not taken: command lines are seen by others.
func ParseURL(text string) (c Connection, namespace string, err error) {
	hosts, query, _ := strings.Cut(text, "?")
	if hosts != "" {
		c.URLs = strings.Split(hosts, ",")
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return c, "", errors.New("elasticsearch: what follows the ? is not of the form name=value&name=value")
	}
	places := map[string]*string{
		"namespace": &namespace, "cloud_id": &c.CloudID, "api_key_file": &c.APIKeyFile, "username": &c.Username,
		"password_file": &c.PasswordFile, "ca_file": &c.CAFile, "certificate_file": &c.CertificateFile, "key_file": &c.KeyFile,
	}
	for name, v := range values {
		place := places[name]
		if place == nil {
			return c, "", fmt.Errorf("elasticsearch: %q is unknown after the ?; namespace, cloud_id, api_key_file, username, password_file, "+
				"ca_file, certificate_file and key_file are known", name)
		}
		*place = v[len(v)-1]
	}
	if _, err := c.nodes(); err != nil {
		return c, "", err
	}
	return c, namespace, CheckNamespace(namespace)
}
