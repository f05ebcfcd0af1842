package bucket

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Policies of buckets are JSON:
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-bucket-policies.html
type policyDocument struct {
	Version   string
	Statement []statement
}

type statement struct {
	Sid       string
	Effect    string
	Principal any
	Action    []string
	Resource  []string
	Condition map[string]map[string]string `json:",omitempty"`
}

// policy lets each role read below its own folder, and nobody without TLS. With
// links that are signed beforehand no role needs to.
func (in *Intent) policy() string {
	arn := fmt.Sprintf("arn:%s:s3:::%s", in.Partition, in.Spec.Name)
	doc := policyDocument{Version: "2012-10-17", Statement: []statement{{
		Sid: "ForceSSLOnlyAccess", Effect: "Deny", Principal: map[string]string{"AWS": "*"}, Action: []string{"s3:*"},
		Resource: []string{arn, arn + "/*"}, Condition: map[string]map[string]string{"Bool": {"aws:SecureTransport": "false"}}}}}
	read := func(sid, role, prefix string) {
		doc.Statement = append(doc.Statement, statement{Sid: sid, Effect: "Allow",
			Principal: map[string]string{"AWS": fmt.Sprintf("arn:%s:iam::%s:role/%s", in.Partition, in.Account, role)},
			Action:    []string{"s3:GetObject"}, Resource: []string{arn + "/" + prefix + "*"}})
	}
	if in.Spec.PresignedURLDuration == nil {
		if role := in.Spec.ControlPlaneIAMInstanceProfile; role != "" {
			read("control-plane", role, "control-plane/")
		}
		for _, role := range in.Spec.NodesIAMInstanceProfiles {
			read(fmt.Sprintf("node-%s", role), role, "node/")
			read(fmt.Sprintf("machine-pool-%s", role), role, expiringPrefix)
		}
	}
	for i, extra := range in.Spec.AdditionalIAMRoles {
		read(fmt.Sprintf("additional-%d", i), extra.Name, extra.Prefix)
	}
	for i := range doc.Statement {
		doc.Statement[i].Sid = alphanumeric(doc.Statement[i].Sid)
	}
	text, err := json.Marshal(doc)
	if err != nil {
		panic(err) // strings only
	}
	return string(text)
}

// alphanumeric drops what a Sid may not hold:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_sid.html
func alphanumeric(s string) string {
	return string(bytes.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return -1
	}, []byte(s)))
}

// sameJSON tells whether two documents hold the same.
func sameJSON(a, b string) bool {
	var left, right any
	if json.Unmarshal([]byte(a), &left) != nil || json.Unmarshal([]byte(b), &right) != nil {
		return a == b
	}
	x, _ := json.Marshal(left)
	y, _ := json.Marshal(right)
	return bytes.Equal(x, y)
}
