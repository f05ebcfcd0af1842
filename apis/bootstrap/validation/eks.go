package validation

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"k8s.io/apimachinery/pkg/util/validation/field"

	bootstrapv1 "github.com/capa-apiserver/capa-apiserver/apis/bootstrap/v2beta1"
)

// argumentPattern takes the name of an argument, without dashes.
var argumentPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// validateEKS judges the spec of a configuration, or of a template.
func validateEKS(spec *bootstrapv1.EKSConfigSpec, at *field.Path) field.ErrorList {
	errs := validateArguments(spec.KubeletExtraArgs, at.Child("kubeletExtraArgs"))
	if r := spec.ContainerRuntime; r != nil && *r != "" && !argumentPattern.MatchString(*r) {
		errs = append(errs, field.Invalid(at.Child("containerRuntime"), *r, "must be the name of a runtime: containerd"))
	}
	if ip := spec.DNSClusterIP; ip != nil && *ip != "" {
		if _, err := netip.ParseAddr(*ip); err != nil {
			errs = append(errs, field.Invalid(at.Child("dnsClusterIP"), *ip, "must be an IP address, such as 172.20.0.10"))
		}
	}
	if cidr := spec.ServiceIPV6Cidr; cidr != nil && *cidr != "" {
		if p, err := netip.ParsePrefix(*cidr); err != nil || !p.Addr().Is6() {
			errs = append(errs, field.Invalid(at.Child("serviceIPV6Cidr"), *cidr, "must be a range of IPv6 addresses, such as fd30:1c53:5f8a::/108"))
		}
	}
	if text := spec.DockerConfigJSON; text != nil && *text != "" {
		if err := json.Unmarshal([]byte(*text), &map[string]any{}); err != nil {
			errs = append(errs, field.Invalid(at.Child("dockerConfigJson"), field.OmitValueType{}, fmt.Sprintf(`must be an object in JSON, such as {"bridge": "none"}: %v`, err)))
		}
	}
	if p := spec.PauseContainer; p != nil && p.Version != "" && !argumentPattern.MatchString(p.Version) {
		errs = append(errs, field.Invalid(at.Child("pauseContainer", "version"), p.Version, "must be the tag of an image, such as 3.5"))
	}
	errs = append(errs, validateCommands(spec.PreBootstrapCommands, at.Child("preBootstrapCommands"))...)
	errs = append(errs, validateCommands(spec.PostBootstrapCommands, at.Child("postBootstrapCommands"))...)
	if c := spec.BootstrapCommandOverride; c != nil {
		if hasControl(*c) || strings.Contains(*c, "\n") {
			errs = append(errs, field.Invalid(at.Child("boostrapCommandOverride"), *c, "must be one command on one line; its arguments follow it"))
		}
	}
	return append(errs, validateCloudInit(&spec.CloudInit, at)...)
}

// validateArguments wants values that the script passes on as they are: it puts all of them
// into one line between single quotes.
func validateArguments(args map[string]string, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, name := range slices.Sorted(maps.Keys(args)) {
		if !argumentPattern.MatchString(name) {
			errs = append(errs, field.Invalid(at, name, "must be the name of an argument of the kubelet, without its dashes, such as node-labels"))
		}
		value := args[name]
		if strings.ContainsFunc(value, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) || r == '\'' }) {
			errs = append(errs, field.Invalid(at.Key(name), value, "must hold no blanks and no single quotes, which bootstrap.sh can't pass on"))
			continue
		}
		errs = append(errs, validateArgument(name, value, at.Key(name))...)
	}
	return errs
}

func eksWarnings(spec *bootstrapv1.EKSConfigSpec, instead string, at *field.Path) []string {
	warnings := []string{"images with Amazon Linux 2 end with Kubernetes 1.32: write a " + instead + ", and an image with Amazon Linux 2023"}
	if r := spec.ContainerRuntime; spec.DockerConfigJSON != nil && *spec.DockerConfigJSON != "" && (r == nil || *r != "dockerd") {
		warnings = append(warnings, fmt.Sprintf("%s: has no effect unless containerRuntime is dockerd", at.Child("dockerConfigJson")))
	}
	return append(warnings, cloudInitWarnings(&spec.CloudInit, at)...)
}
