package main

import "github.com/agentaudit/agentaudit/internal/config"

// privacySentences say what a configuration does with what names a person.
func privacySentences(c *config.Config) []string {
	p := c.Privacy
	if p == nil {
		return []string{"Users, e-mail addresses and hosts are stored as the logs have them: privacy is not set."}
	}
	key := keyText(p.KeyFile, "privacy.key in the state folder")
	if p.KeyEnv != "" {
		key = "environment variable " + p.KeyEnv
	}
	who := "Users, e-mail addresses, home folders and source addresses"
	if p.Hosts {
		who += ", and hosts,"
	}
	s := []string{who + " become pseudonyms under the organisation's key (" + key + ")."}
	if p.Originals {
		return append(s, "What they stand for travels encrypted, under a key for each in the key store "+keyText(p.KeyStore, "names in the state folder")+", until it is erased.")
	}
	return append(s, "What they stand for is not kept: nobody can reveal it.")
}
