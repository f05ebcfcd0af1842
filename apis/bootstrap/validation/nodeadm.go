package validation

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/google/cel-go/cel"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	bootstrapv1 "github.com/capa-apiserver/capa-apiserver/apis/bootstrap/v2beta1"
)

var (
	gatePattern     = regexp.MustCompile(`^[A-Z][A-Za-z0-9]*$`)
	variablePattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	servicePattern  = regexp.MustCompile(`^[A-Za-z0-9@._-]+$`)
)

// knownGates are the features that nodeadm knew when this was written.
var knownGates = []string{"FastImagePull", "InstanceIdNodeName"}

// validateNodeadm judges the spec of a configuration, or of a template.
func validateNodeadm(spec *bootstrapv1.NodeadmConfigSpec, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	if k := spec.Kubelet; k != nil {
		errs = append(errs, validateKubeletConfig(k.Config, at.Child("kubelet", "config"))...)
		errs = append(errs, validateFlags(k.Flags, at.Child("kubelet", "flags"))...)
		errs = append(errs, validateExpression(k.MaxPodsExpression, at.Child("kubelet", "maxPodsExpression"))...)
	}
	if c := spec.Containerd; c != nil {
		if hasControl(c.Config) {
			errs = append(errs, field.Invalid(at.Child("containerd", "config"), field.OmitValueType{}, "must be TOML, and hold no control characters but newlines and tabs"))
		}
		_, more := object(c.BaseRuntimeSpec, at.Child("containerd", "baseRuntimeSpec"), "{process: {rlimits: []}}")
		errs = append(errs, more...)
	}
	errs = append(errs, validateInstance(spec.Instance, at.Child("instance"))...)
	for _, name := range slices.Sorted(maps.Keys(spec.FeatureGates)) {
		if !gatePattern.MatchString(name) {
			errs = append(errs, field.Invalid(at.Child("featureGates"), name, "must be the name of a feature of nodeadm, such as InstanceIdNodeName"))
		}
	}
	errs = append(errs, validateCommands(spec.PreNodeadmCommands, at.Child("preNodeadmCommands"))...)
	return append(errs, validateCloudInit(&spec.CloudInit, at)...)
}

func nodeadmWarnings(spec *bootstrapv1.NodeadmConfigSpec, at *field.Path) []string {
	warnings := cloudInitWarnings(&spec.CloudInit, at)
	for _, name := range slices.Sorted(maps.Keys(spec.FeatureGates)) {
		if !slices.Contains(knownGates, name) {
			warnings = append(warnings, fmt.Sprintf("%s: %s is no feature that is known of nodeadm, which ignores others: known are %s", at.Child("featureGates"), name, strings.Join(knownGates, " and ")))
		}
	}
	return warnings
}

// validateKubeletConfig judges what the kubelet would end for.
func validateKubeletConfig(config *runtime.RawExtension, at *field.Path) field.ErrorList {
	fields, errs := object(config, at, "{maxPods: 58}")
	for name, want := range map[string]string{"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration"} {
		if have, found := fields[name]; found && have != want {
			errs = append(errs, field.Invalid(at.Child(name), have, "must be "+want+", or left out"))
		}
	}
	for _, name := range []string{"maxPods", "podsPerCore"} {
		if have, found := fields[name]; found && !isCount(have) {
			errs = append(errs, field.Invalid(at.Child(name), have, "must be a whole number, without quotes, such as 58"))
		}
	}
	slices.SortFunc(errs, func(a, b *field.Error) int { return strings.Compare(a.Field, b.Field) })
	return errs
}

func isCount(value any) bool {
	n, ok := value.(float64)
	return ok && n >= 0 && n == float64(int32(n))
}

// object is what users wrote where any object may be.
func object(x *runtime.RawExtension, at *field.Path, example string) (map[string]any, field.ErrorList) {
	if x == nil || len(x.Raw) == 0 {
		return nil, nil
	}
	var fields map[string]any
	if err := json.Unmarshal(x.Raw, &fields); err != nil {
		return nil, field.ErrorList{field.Invalid(at, field.OmitValueType{}, "must be an object, such as "+example)}
	}
	return fields, nil
}

// parser reads CEL. Which variables there are is for the nodeadm of the image to say.
var parser, parserErr = cel.NewEnv()

func validateExpression(text string, at *field.Path) field.ErrorList {
	if text == "" || parserErr != nil {
		return nil
	}
	if _, issues := parser.Parse(text); issues.Err() != nil {
		return field.ErrorList{field.Invalid(at, text, "must be an expression in CEL, such as (default_enis - 1) * (ips_per_eni - 1) + 2")}
	}
	return nil
}

func validateInstance(i *bootstrapv1.InstanceOptions, at *field.Path) field.ErrorList {
	if i == nil {
		return nil
	}
	var errs field.ErrorList
	if s := i.LocalStorage; s != nil {
		errs = append(errs, validateAbsolute(&s.MountPath, at.Child("localStorage", "mountPath"), "/mnt/k8s-disks/")...)
	}
	for _, service := range slices.Sorted(maps.Keys(i.Environment)) {
		of := at.Child("environment").Key(service)
		if !servicePattern.MatchString(service) {
			errs = append(errs, field.Invalid(of, service, "must be default, or the name of a service, such as containerd"))
		}
		for _, name := range slices.Sorted(maps.Keys(i.Environment[service])) {
			if !variablePattern.MatchString(name) {
				errs = append(errs, field.Invalid(of, name, "must be the name of a variable: letters, digits and _, such as HTTPS_PROXY"))
			}
			if value := i.Environment[service][name]; hasControl(value) || strings.Contains(value, "\n") {
				errs = append(errs, field.Invalid(of.Key(name), value, "must be one line"))
			}
		}
	}
	return errs
}
