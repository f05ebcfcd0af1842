package v2beta1

import (
	"fmt"

	"k8s.io/apimachinery/pkg/util/version"
)

// lastScript is the last minor version of Kubernetes that there are images with bootstrap.sh of.
const lastScript = 32

// Unfit says why nodes with a version of Kubernetes can't join so, "" for all others. What isn't
// known to be later passes, and so does a command of the user's own.
func (s *EKSConfigSpec) Unfit(text string) string {
	v, err := version.ParseGeneric(text)
	if err != nil || v.Major() == 1 && v.Minor() <= lastScript || s.BootstrapCommandOverride != nil && *s.BootstrapCommandOverride != "" {
		return ""
	}
	return fmt.Sprintf("images for Kubernetes %s have no bootstrap.sh: those with Amazon Linux 2 end with 1.%d; refer to a NodeadmConfig, and choose an image with Amazon Linux 2023", text, lastScript)
}
