package v2beta1

import (
	"strings"
	"testing"
)

func TestTheFieldsOfAnImageNameAreFilledIn(t *testing.T) {
	for format, want := range map[string]string{
		"capa-ami-{{.BaseOS}}-?{{.K8sVersion}}-*": "capa-ami-ubuntu-24.04-?1.34.1-*",
		"{{ .BaseOS }}{{	.K8sVersion  }}":         "ubuntu-24.041.34.1",
		"plain-*":                                 "plain-*",
		"{a}}b":                                   "",
		"":                                        "",
	} {
		got, err := ImageName(format, "ubuntu-24.04", "1.34.1")
		if got != want || (err != nil) != (format == "{a}}b") {
			t.Errorf("%q gives %q, %v", format, got, err)
		}
	}
}

func TestNothingOfAnImageNameIsExecuted(t *testing.T) {
	nested := `{{define "a0"}}x{{end}}`
	for range 40 {
		nested += `{{define "a1"}}{{template "a0"}}{{template "a0"}}{{end}}`
	}
	for _, format := range []string{
		nested, "{{.Region}}", "{{printf .BaseOS}}", "{{.BaseOS | len}}", "{{- .BaseOS -}}", "{{{{.BaseOS}}}}", "{{ {{.BaseOS}} }}",
		"{{.BaseOS", "{{if .BaseOS}}a{{end}}", "{{/* c */}}", "{{.BaseOS.K8sVersion}}",
	} {
		if name, err := ImageName(format, "ubuntu", "1.34.1"); err == nil || !strings.Contains(err.Error(), "only {{.BaseOS}} and {{.K8sVersion}} may stand") {
			t.Errorf("%.60q gives %q, %v", format, name, err)
		}
	}
	// What is filled in is text, too.
	if name, _ := ImageName("{{.BaseOS}}", "{{.K8sVersion}}", "v"); name != "{{.K8sVersion}}" {
		t.Errorf("a value was filled in twice: %s", name)
	}
}

func TestIdsOfSubnetsAreToldFromNames(t *testing.T) {
	for id, want := range map[string]bool{
		"subnet-0a1b2c3d": true, "subnet-0123456789abcdef0": true,
		"subnet-zone-1-private": false, "subnet-": false, "subnet-0123456789abcdef": false, "subnet-0A1B2C3D": false, "subnet-abcdefgh": false, "a": false,
	} {
		if IsSubnetID(id) != want {
			t.Errorf("%s: %t", id, !want)
		}
	}
}
