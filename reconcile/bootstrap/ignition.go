package bootstrap

import (
	"encoding/json"
	"strings"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// ObjectKey returns where in the cluster's bucket a machine's data is kept. The
// bucket's policy lets each role read below its own folder.
func ObjectKey(role, machine string) string { return role + "/" + machine }

// resource is a thing that Ignition fetches.
type resource struct {
	Source string `json:"source"`
}

type ignitionSecurity struct {
	TLS struct {
		CertificateAuthorities []resource `json:"certificateAuthorities"`
	} `json:"tls"`
}

type ignitionProxy struct {
	HTTPProxy  *string  `json:"httpProxy,omitempty"`
	HTTPSProxy *string  `json:"httpsProxy,omitempty"`
	NoProxy    []string `json:"noProxy,omitempty"`
}

type ignitionConfig struct {
	Ignition struct {
		Version string `json:"version"`
		Config  struct {
			// Append is the word of version 2, Merge that of version 3.
			Append []resource `json:"append,omitempty"`
			Merge  []resource `json:"merge,omitempty"`
		} `json:"config"`
		Proxy    *ignitionProxy    `json:"proxy,omitempty"`
		Security *ignitionSecurity `json:"security,omitempty"`
	} `json:"ignition"`
}

// PointTo returns an Ignition configuration which takes in the one at the URL
// (s3:// or https://), with the proxy and certificates that are to be used.
func PointTo(url string, spec *infrav1.Ignition) ([]byte, error) {
	var c ignitionConfig
	c.Ignition.Version = string(spec.Version) + ".0"
	if strings.HasPrefix(string(spec.Version), "2.") {
		c.Ignition.Config.Append = []resource{{url}}
		return json.Marshal(c)
	}
	c.Ignition.Config.Merge = []resource{{url}}
	if p := spec.Proxy; p != nil {
		c.Ignition.Proxy = &ignitionProxy{HTTPProxy: p.HTTPProxy, HTTPSProxy: p.HTTPSProxy, NoProxy: p.NoProxy}
	}
	if t := spec.TLS; t != nil {
		c.Ignition.Security = &ignitionSecurity{}
		for _, source := range t.CASources {
			c.Ignition.Security.TLS.CertificateAuthorities = append(c.Ignition.Security.TLS.CertificateAuthorities, resource{source})
		}
	}
	return json.Marshal(c)
}
