package controlplane

import (
	"fmt"
	"os"
	"path/filepath"
)

// Audit says where kube-apiserver finds out which requests to write down, and where it writes them.
type Audit struct {
	// Policy is the file that WriteAuditPolicy writes, Log the one that gets a line of JSON per request.
	Policy, Log string
}

// auditPolicy is for one user: who else asks for what would only make the log long.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: Metadata
    users: [%q]
  - level: None
`

// WriteAuditPolicy writes a policy that has the requests of one user written down, without their bodies.
func WriteAuditPolicy(path, user string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("make the folder of the audit policy: %w", err)
	}
	if err := os.WriteFile(path, fmt.Appendf(nil, auditPolicy, user), 0o600); err != nil {
		return fmt.Errorf("write the audit policy: %w", err)
	}
	return nil
}
