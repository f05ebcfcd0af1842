package devcluster

import (
	"fmt"
	"slices"
	"strings"

	"github.com/capa-apiserver/capa-apiserver/hack/devcluster/build"
)

// component is something that can be chosen with --only and --without.
type component struct {
	name string
	// needs are the components without which this one is of no use; choosing it chooses them.
	needs []string
}

// components in the order in which they start; they stop in the reverse order.
var components = []component{
	{name: build.Etcd},
	{name: build.KubeAPIServer, needs: []string{build.Etcd}},
	{name: build.KubeControllerManager, needs: []string{build.KubeAPIServer}},
	{name: build.CoreManager, needs: []string{build.KubeControllerManager}},
	{name: build.ControlPlaneManager, needs: []string{build.CoreManager}},
	{name: build.BootstrapManager, needs: []string{build.CoreManager}},
	{name: build.Emulator},
	{name: build.StandInDNS},
	{name: build.Instances},
	{name: build.Server, needs: []string{build.CoreManager}},
	{name: demo, needs: []string{build.Server}},
	{name: demoNodes, needs: []string{demo, build.ControlPlaneManager, build.BootstrapManager, build.Instances}},
	{name: demoEKS, needs: []string{build.Server}},
}

// groups are names for several components at once.
var groups = map[string][]string{
	"control-plane": {build.Etcd, build.KubeAPIServer, build.KubeControllerManager},
	"capi":          {build.CoreManager, build.ControlPlaneManager, build.BootstrapManager},
	"kubeadm":       {build.ControlPlaneManager, build.BootstrapManager},
	"capa":          {build.Emulator, build.StandInDNS, build.Instances, build.Server, demo, demoNodes, demoEKS},
}

// Selectable lists every name that --only and --without take.
func Selectable() string {
	var names []string
	for _, c := range components {
		names = append(names, c.name)
	}
	return strings.Join(names, ", ") + "; and the groups control-plane, capi, kubeadm, capa"
}

// choose returns the chosen components. only adds what its names need; without takes away what needs its names.
func choose(only, without []string) (map[string]bool, error) {
	chosen := map[string]bool{}
	wanted, err := expand("--only", only)
	if err != nil {
		return nil, err
	}
	unwanted, err := expand("--without", without)
	if err != nil {
		return nil, err
	}
	for _, c := range slices.Backward(components) {
		if len(wanted) == 0 || slices.Contains(wanted, c.name) || chosen[c.name] {
			chosen[c.name] = true
			for _, need := range c.needs {
				chosen[need] = true
			}
		}
	}
	for _, c := range components {
		lacking := slices.ContainsFunc(c.needs, func(need string) bool { return !chosen[need] })
		if lacking || slices.Contains(unwanted, c.name) {
			delete(chosen, c.name)
		}
	}
	return chosen, nil
}

func expand(flag string, names []string) ([]string, error) {
	var expanded []string
	for _, name := range names {
		switch {
		case groups[name] != nil:
			expanded = append(expanded, groups[name]...)
		case slices.ContainsFunc(components, func(c component) bool { return c.name == name }):
			expanded = append(expanded, name)
		default:
			return nil, fmt.Errorf("%s=%s: no such component; choose from %s", flag, name, Selectable())
		}
	}
	return expanded, nil
}
