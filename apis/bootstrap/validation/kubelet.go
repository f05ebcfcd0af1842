package validation

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	utilvalidation "k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// flagPattern takes a flag with or without a value.
var flagPattern = regexp.MustCompile(`^--?[A-Za-z0-9][A-Za-z0-9._-]*([= ].*)?$`)

// validateFlags judges arguments of the kubelet as a list.
func validateFlags(flags []string, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i, flag := range flags {
		if !flagPattern.MatchString(flag) || hasControl(flag) || strings.Contains(flag, "\n") {
			errs = append(errs, field.Invalid(at.Index(i), flag, "must be an argument of the kubelet, with its dashes and its value, such as --node-labels=role=web"))
			continue
		}
		name, value, _ := strings.Cut(strings.TrimLeft(flag, "-"), "=")
		errs = append(errs, validateArgument(name, value, at.Index(i))...)
	}
	return errs
}

// validateArgument judges the arguments with which a node most often fails to come up.
func validateArgument(name, value string, at *field.Path) field.ErrorList {
	switch name {
	case "node-labels":
		return validateLabels(value, at)
	case "register-with-taints":
		return validateTaints(value, at)
	}
	return nil
}

func validateLabels(value string, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	for pair := range strings.SplitSeq(value, ",") {
		key, label, _ := strings.Cut(pair, "=")
		switch {
		case pair == "":
		case len(utilvalidation.IsQualifiedName(key)) > 0 || len(utilvalidation.IsValidLabelValue(label)) > 0:
			errs = append(errs, field.Invalid(at, pair, "must be labels joined by commas, such as role=web,tier=front"))
		case !kubeletMaySet(key):
			errs = append(errs, field.Invalid(at, pair, "the kubelet doesn't start with it: of labels below kubernetes.io and k8s.io it sets those of node.kubernetes.io and kubelet.kubernetes.io only; have the Machine's labels synced to the node, or choose another label"))
		}
	}
	return errs
}

// wellKnown are the labels below kubernetes.io that a kubelet sets itself.
// https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#noderestriction
var wellKnown = []string{
	"kubernetes.io/hostname", "kubernetes.io/arch", "kubernetes.io/os", "beta.kubernetes.io/instance-type", "beta.kubernetes.io/os", "beta.kubernetes.io/arch",
	"failure-domain.beta.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/region", "topology.kubernetes.io/zone", "topology.kubernetes.io/region",
}

func kubeletMaySet(key string) bool {
	domain, _, found := strings.Cut(key, "/")
	below := func(parent string) bool { return domain == parent || strings.HasSuffix(domain, "."+parent) }
	if !found || !below("kubernetes.io") && !below("k8s.io") {
		return true
	}
	return slices.Contains(wellKnown, key) || below("node.kubernetes.io") || below("kubelet.kubernetes.io")
}

var effects = []string{"NoSchedule", "PreferNoSchedule", "NoExecute"}

func validateTaints(value string, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	for taint := range strings.SplitSeq(value, ",") {
		pair, effect, _ := strings.Cut(taint, ":")
		key, label, _ := strings.Cut(pair, "=")
		if taint == "" || len(utilvalidation.IsQualifiedName(key)) == 0 && len(utilvalidation.IsValidLabelValue(label)) == 0 && slices.Contains(effects, effect) {
			continue
		}
		errs = append(errs, field.Invalid(at, taint, fmt.Sprintf("must be taints joined by commas, each with one of the effects %s, such as dedicated=gpu:NoSchedule", strings.Join(effects, ", "))))
	}
	return errs
}
