package elasticsearch

import (
	"testing"

	"github.com/agentaudit/agentaudit/exporters/elasticsearch/estest"
)

func TestMain(m *testing.M) { estest.Main(m) }
