package archive_test

import (
	"testing"

	"github.com/agentaudit/agentaudit/exporters/archive"
	"github.com/agentaudit/agentaudit/exporters/archive/storetest"
)

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	storetest.Run(t, func(t *testing.T) archive.Store {
		s, err := archive.OpenFolder(dir)
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}
