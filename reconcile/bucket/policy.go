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
	// A sid is unique in its policy, and has letters and digits only:
	// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_sid.html
	read := func(sid, role, prefix string) {
		doc.Statement = append(doc.Statement, statement{Sid: sid, Effect: "Allow",
			Principal: map[string]string{"AWS": fmt.Sprintf("arn:%s:iam::%s:role/%s", in.Partition, in.Account, role)},
			Action:    []string{"s3:GetObject"}, Resource: []string{arn + "/" + prefix + "*"}})
	}
	if in.Spec.PresignedURLDuration == nil {
		if role := in.Spec.ControlPlaneIAMInstanceProfile; role != "" {
			read("ControlPlane", role, "control-plane/")
		}
		for i, role := range in.Spec.NodesIAMInstanceProfiles {
			read(fmt.Sprintf("Node%d", i), role, "node/")
			read(fmt.Sprintf("MachinePool%d", i), role, expiringPrefix)
		}
	}
	for i, extra := range in.Spec.AdditionalIAMRoles {
		read(fmt.Sprintf("Additional%d", i), extra.Name, extra.Prefix)
	}
	text, err := json.Marshal(doc)
	if err != nil {
		panic(err) // strings only
	}
	return string(text)
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
