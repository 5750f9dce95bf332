CREATE TABLE audit_log (
  n INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  stream TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  timestamp TEXT NOT NULL,
  organization_id TEXT,
  organization TEXT,
  agent_id TEXT,
  agent TEXT,
  service TEXT,
  user_id TEXT,
  user TEXT,
  user_email TEXT,
  session_id TEXT,
  host_id TEXT,
  host TEXT,
  kind TEXT,
  action TEXT,
  tool TEXT,
  risk_score INTEGER,
  risk_category TEXT,
  decision TEXT,
  decision_source TEXT,
  rule TEXT,
  reviewer TEXT,
  outcome TEXT,
  exit_code INTEGER,
  duration_ms REAL,
  anomalies TEXT,
  reason TEXT,
  cwd TEXT,
  command TEXT,
  record TEXT NOT NULL
) STRICT;

CREATE INDEX audit_time ON audit_log (timestamp);
CREATE INDEX audit_session ON audit_log (session_id, timestamp) WHERE session_id IS NOT NULL;
CREATE INDEX audit_agent ON audit_log (agent, timestamp) WHERE agent IS NOT NULL;
CREATE INDEX audit_agent_id ON audit_log (agent_id, timestamp) WHERE agent_id IS NOT NULL;
CREATE INDEX audit_service ON audit_log (service, timestamp) WHERE service IS NOT NULL;
CREATE INDEX audit_user ON audit_log (user, timestamp) WHERE user IS NOT NULL;
CREATE INDEX audit_user_id ON audit_log (user_id, timestamp) WHERE user_id IS NOT NULL;
CREATE INDEX audit_user_email ON audit_log (user_email, timestamp) WHERE user_email IS NOT NULL;
CREATE INDEX audit_risk ON audit_log (risk_score, timestamp) WHERE risk_score IS NOT NULL;
CREATE INDEX audit_decision ON audit_log (decision, timestamp) WHERE decision IS NOT NULL;
CREATE INDEX audit_anomaly ON audit_log (timestamp) WHERE anomalies IS NOT NULL;
CREATE INDEX audit_command_head ON audit_log (substr(command, 1, 32)) WHERE command IS NOT NULL;
CREATE VIRTUAL TABLE audit_command USING fts5(words, content='', columnsize=0, tokenize="ascii tokenchars '_'");
CREATE TABLE audit_span (
  span INTEGER PRIMARY KEY, -- rows span * 4096 to span * 4096 + 4095
  oldest TEXT NOT NULL,
  newest TEXT NOT NULL
) STRICT;

CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit_log BEGIN
  SELECT RAISE(ABORT, 'audit_log is append-only: records are never changed');
END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit_log BEGIN
  SELECT RAISE(ABORT, 'audit_log is append-only: records are never deleted; remove the file of a month that is past retention');
END;
CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit_log
WHEN EXISTS (SELECT 1 FROM audit_log WHERE id = NEW.id) OR EXISTS (SELECT 1 FROM audit_log WHERE n = NEW.n) BEGIN
  SELECT RAISE(ABORT, 'audit_log is append-only: a record with this id is stored already');
END;
PRAGMA application_id = 1633776996;
PRAGMA user_version = 2;
