package admission

import (
	"strings"
	"testing"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// vpcCNI is a schema in the form in which EKS has those of its add-ons.
const vpcCNI = `{"$ref": "#/definitions/VpcCni", "$schema": "http://json-schema.org/draft-06/schema#", "definitions": {
	"VpcCni": {"type": "object", "additionalProperties": false, "title": "VpcCni", "properties": {
		"env": {"$ref": "#/definitions/Env"}, "tolerations": {"type": "array", "items": {"type": "object"}}, "nodeAgent": {"$ref": "#/definitions/Nested"}}},
	"Env": {"type": "object", "additionalProperties": false, "properties": {"WARM_IP_TARGET": {"type": "string", "format": "integer"}, "AWS_VPC_K8S_CNI_LOGLEVEL": {"type": "string", "enum": ["DEBUG", "INFO"]}}},
	"Nested": {"type": ["object", "null"], "properties": {"inner": {"$ref": "#/definitions/Nested"}, "enabled": {"type": "boolean"}}}}}`

func TestAConfigurationIsHeldToTheAddonsSchema(t *testing.T) {
	for name, c := range map[string]struct{ configuration, want string }{
		"JSON":                   {`{"env": {"WARM_IP_TARGET": "3"}}`, ""},
		"YAML":                   {"env:\n  AWS_VPC_K8S_CNI_LOGLEVEL: INFO\n", ""},
		"nothing":                {"{}", ""},
		"a name that isn't":      {`{"env": {"WARM_TARGET": "3"}}`, "env.WARM_TARGET"},
		"a number for a text":    {`{"env": {"WARM_IP_TARGET": 3}}`, "env.WARM_IP_TARGET"},
		"none of the values":     {`{"env": {"AWS_VPC_K8S_CNI_LOGLEVEL": "LOUD"}}`, "DEBUG INFO"},
		"a list for an object":   {`{"env": []}`, "env"},
		"nested":                 {`{"nodeAgent": {"enabled": "yes"}}`, "nodeAgent.enabled"},
		"null where it may be":   {`{"nodeAgent": null}`, ""},
		"deeper than the schema": {`{"nodeAgent": {"inner": {"inner": {"enabled": 7}}}}`, ""},
		"no object":              {`[1]`, "neither a JSON nor a YAML object"},
	} {
		t.Run(name, func(t *testing.T) {
			problems := strings.Join(misconfigured(vpcCNI, c.configuration), "; ")
			if (c.want == "") != (problems == "") || !strings.Contains(problems, c.want) {
				t.Errorf("it says %q, want %q", problems, c.want)
			}
		})
	}
	for _, schema := range []string{"", "{", `{"$ref": "#/definitions/None"}`, `{"$ref": "#/definitions/A", "definitions": {"A": {"$ref": "#/definitions/A"}}}`} {
		if problems := misconfigured(schema, `{"a": 1}`); len(problems) > 0 {
			t.Errorf("%s says %q", schema, problems)
		}
	}
}

func TestAnAddonsConfigurationIsRefusedWhereItIsWritten(t *testing.T) {
	w := newLiveWorld(t)
	rules := controlPlaneRules{live: w.rules.live}
	with := func(name, version, configuration string) *controlplanev1.AWSManagedControlPlane {
		return controlPlane(func(s *controlplanev1.AWSManagedControlPlaneSpec) {
			s.Addons = []controlplanev1.Addon{{Name: name, Version: version, Configuration: configuration}}
		})
	}
	for name, c := range map[string]struct {
		object *controlplanev1.AWSManagedControlPlane
		want   string
	}{
		"as the schema says": {with("coredns", "", `{"replicaCount": 3}`), ""},
		"of the channel":     {with("coredns", "latest", `{"replicaCount": "three"}`), `spec.addons[0].configuration: Invalid value: "{\"replicaCount\": \"three\"}": coredns v1.`},
		"of the default":     {with("coredns", "", `{"replicas": 3}`), "aws eks describe-addon-configuration --addon-name coredns --addon-version v1."},
	} {
		t.Run(name, func(t *testing.T) {
			warned, refused := said(rules, c.object, nil)
			if warned != "" || (c.want == "") != (refused == "") || !strings.Contains(refused, c.want) {
				t.Errorf("refused with %q, want %q; warned of %q", refused, c.want, warned)
			}
		})
	}
	w.aws.ResetCounts()
	for range 10 {
		if _, refused := said(rules, with("coredns", "", `{"replicaCount": 3}`), nil); refused != "" {
			t.Errorf("refused with %q", refused)
		}
	}
	if counts := w.aws.Counts(); len(counts) > 0 {
		t.Errorf("what is known is asked again: %v", counts)
	}
	w.aws.Faults().Set(emulator.Fault{ID: "denied", Service: "eks", Operation: "DescribeAddonConfiguration", Mode: emulator.ErrorBefore, Code: "AccessDeniedException", Status: 403})
	if warned, refused := said(rules, with("kube-proxy", "", `{"anything": 1}`), nil); refused != "" || !strings.HasPrefix(warned, "spec.addons[0].configuration: accepted as written") {
		t.Errorf("refused with %q, warned of %q", refused, warned)
	}
}
