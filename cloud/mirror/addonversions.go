package mirror

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"k8s.io/apimachinery/pkg/util/version"
)

// Names are the versions' names, in AWS's order.
func (v *EKSAddonVersions) Names() []string {
	var names []string
	for i := range v.Versions {
		names = append(names, aws.ToString(v.Versions[i].AddonVersion))
	}
	return names
}

// Default is the version that EKS installs where none is named, "" for none.
func (v *EKSAddonVersions) Default() string {
	for i := range v.Versions {
		for _, c := range v.Versions[i].Compatibilities {
			if c.DefaultVersion {
				return aws.ToString(v.Versions[i].AddonVersion)
			}
		}
	}
	return ""
}

// Newest is the newest version, "" for none.
func (v *EKSAddonVersions) Newest() string {
	newest := ""
	for _, name := range v.Names() {
		if newest == "" || NewerAddon(name, newest) {
			newest = name
		}
	}
	return newest
}

// NewerAddon tells whether version a of an add-on is newer than b, as far as both can be read.
func NewerAddon(a, b string) bool {
	x, errX := version.ParseSemantic(a)
	y, errY := version.ParseSemantic(b)
	return errX == nil && errY == nil && y.LessThan(x)
}
