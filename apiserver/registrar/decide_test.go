package registrar

import (
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	"sigs.k8s.io/cluster-api/util/contract"

	"github.com/capa-apiserver/capa-apiserver/apis/takeover"
)

const (
	infra        = "infrastructure.cluster.x-k8s.io"
	controlPlane = "controlplane.cluster.x-k8s.io"
	bootstrap    = "bootstrap.cluster.x-k8s.io"
)

var (
	ourService = ServiceLocation{Namespace: "capa-system", Name: "capa-apiserver", Port: 443}

	bothVersions = []string{NativeVersion, LegacyVersion}
	testKinds    = []Resource{
		{Group: infra, Kind: "AWSCluster", Plural: "awsclusters", Singular: "awscluster", ShortNames: []string{"awsc"}, Categories: []string{"cluster-api"}, Namespaced: true, Versions: bothVersions},
		{Group: infra, Kind: "AWSClusterRoleIdentity", Plural: "awsclusterroleidentities", Versions: bothVersions,
			ShadowLabels: map[string]string{"clusterctl.cluster.x-k8s.io/move-hierarchy": ""}},
		{Group: controlPlane, Kind: "AWSManagedControlPlane", Plural: "awsmanagedcontrolplanes", Namespaced: true, Versions: bothVersions},
		{Group: bootstrap, Kind: "NodeadmConfig", Plural: "nodeadmconfigs", Namespaced: true, Versions: bothVersions},
		{Group: "mirror.aws.cluster.x-k8s.io", Kind: "AWSRegion", Plural: "awsregions", Versions: []string{"v1alpha1"}},
	}
	infraLegacy = schema.GroupVersion{Group: infra, Version: LegacyVersion}
	infraNative = schema.GroupVersion{Group: infra, Version: NativeVersion}
	kcpLegacy   = schema.GroupVersion{Group: controlPlane, Version: LegacyVersion}
)

func servedCRD(group, kind string, versions ...string) *apiextensionsv1.CustomResourceDefinition {
	crd := &apiextensionsv1.CustomResourceDefinition{
		ObjectMeta: metav1.ObjectMeta{Name: contract.CalculateCRDName(group, kind)},
		Spec:       apiextensionsv1.CustomResourceDefinitionSpec{Group: group},
	}
	for i, v := range versions {
		crd.Spec.Versions = append(crd.Spec.Versions, apiextensionsv1.CustomResourceDefinitionVersion{Name: v, Served: true, Storage: i == 0})
	}
	return crd
}

func local(gv schema.GroupVersion, automanaged string) *apiregistrationv1.APIService {
	a := &apiregistrationv1.APIService{
		ObjectMeta: metav1.ObjectMeta{Name: apiServiceName(gv)},
		Spec:       apiregistrationv1.APIServiceSpec{Group: gv.Group, Version: gv.Version, GroupPriorityMinimum: 1000, VersionPriority: 100},
	}
	if automanaged != "" {
		a.Labels = map[string]string{automanagedLabel: automanaged}
	}
	return a
}

func ours(gv schema.GroupVersion) *apiregistrationv1.APIService {
	return APIServiceFor(gv, ourService, []byte("bundle"))
}

func foreign(gv schema.GroupVersion) *apiregistrationv1.APIService {
	return APIServiceFor(gv, ServiceLocation{Namespace: "other", Name: "server", Port: 443}, []byte("theirs"))
}

func TestOneGroupVersionIsDecidedByModeAndHost(t *testing.T) {
	kcp := servedCRD(controlPlane, "KubeadmControlPlane", "v1beta2", "v1beta1")
	kcp.Labels = map[string]string{providerLabel: "control-plane-kubeadm"}
	capa := servedCRD(infra, "AWSCluster", "v1beta2")
	shadow := ShadowCRD(testKinds[0])
	taken, leaving := capa.DeepCopy(), capa.DeepCopy()
	taken.Annotations = map[string]string{takeover.CRDAnnotation: "{}"}
	leaving.Annotations = map[string]string{takeover.CRDAnnotation: "{}", takeover.GivingBackAnnotation: ""}

	cases := map[string]struct {
		mode    Mode
		gv      schema.GroupVersion
		crds    []*apiextensionsv1.CustomResourceDefinition
		exists  *apiregistrationv1.APIService
		claimed bool
		action  Action
		message string
	}{
		"native version of a free group":                 {ModeAuto, infraNative, nil, nil, true, ActionApply, "claimed: "},
		"native version in mode native":                  {ModeNative, infraNative, nil, nil, true, ActionApply, "claimed: "},
		"our shadow CRD stands in nobody's way":          {ModeAuto, infraNative, crdList(shadow), nil, true, ActionApply, "claimed: "},
		"ours stays":                                     {ModeAuto, infraNative, nil, ours(infraNative), true, ActionApply, "claimed: "},
		"foreign CRD serves our native version first":    {ModeAuto, infraNative, crdList(servedCRD(infra, "Other", NativeVersion)), nil, false, ActionLeave, "others.infrastructure"},
		"a native claim is never given back":             {ModeAuto, infraNative, crdList(servedCRD(infra, "Other", NativeVersion)), ours(infraNative), true, ActionApply, "claimed: "},
		"native version of a foreign server":             {ModeAuto, infraNative, nil, foreign(infraNative), false, ActionLeave, "Service other/server"},
		"native version of the host itself":              {ModeAuto, infraNative, crdList(servedCRD(infra, "Other", NativeVersion)), local(infraNative, "true"), false, ActionLeave, "served by CRD"},
		"legacy version that nobody has":                 {ModeAuto, infraLegacy, nil, nil, true, ActionApply, "claimed: "},
		"legacy version beside our shadows":              {ModeAuto, infraLegacy, crdList(shadow), nil, true, ActionApply, "claimed: "},
		"legacy version beside a CRD of another group":   {ModeAuto, infraLegacy, crdList(kcp), nil, true, ActionApply, "claimed: "},
		"legacy version beside another served version":   {ModeAuto, infraLegacy, crdList(servedCRD(infra, "DockerCluster", "v1beta1")), nil, true, ActionApply, "claimed: "},
		"legacy version where KubeadmControlPlane lives": {ModeAuto, kcpLegacy, crdList(kcp), local(kcpLegacy, "true"), false, ActionLeave, "served by CRD kubeadmcontrolplanes.controlplane.cluster.x-k8s.io of provider control-plane-kubeadm"},
		"legacy version before the host registered it":   {ModeAuto, kcpLegacy, crdList(kcp), nil, false, ActionLeave, "served by CRD"},
		"CAPA is still installed":                        {ModeAuto, infraLegacy, crdList(capa), local(infraLegacy, "true"), false, ActionLeave, "awsclusters.infrastructure"},
		"CAPA's objects were taken over":                 {ModeAuto, infraLegacy, crdList(taken), local(infraLegacy, "true"), true, ActionTakeOver, "taken over"},
		"what was taken over stays":                      {ModeAuto, infraLegacy, crdList(taken), ours(infraLegacy), true, ActionApply, "claimed: "},
		"others in the group keep what was taken over":   {ModeAuto, infraLegacy, crdList(taken, servedCRD(infra, "Other", "v1beta2")), local(infraLegacy, "true"), false, ActionLeave, "others.infrastructure"},
		"what is being given back is still ours":         {ModeAuto, infraLegacy, crdList(leaving), ours(infraLegacy), true, ActionApply, "claimed: "},
		"what was given back isn't taken again":          {ModeAuto, infraLegacy, crdList(leaving), local(infraLegacy, "true"), false, ActionLeave, "serves it itself"},
		"foreign CRD appears behind our claim":           {ModeAuto, kcpLegacy, crdList(kcp), ours(kcpLegacy), false, ActionRelease, "served by CRD"},
		"last foreign CRD went, host's own lingers":      {ModeAuto, kcpLegacy, nil, local(kcpLegacy, "true"), false, ActionLeave, "no CRD does any more"},
		"legacy version of a foreign server":             {ModeAuto, infraLegacy, nil, foreign(infraLegacy), false, ActionLeave, "Service other/server"},
		"mode native never claims it":                    {ModeNative, infraLegacy, nil, nil, false, ActionLeave, "mode is native"},
		"mode native gives ours back":                    {ModeNative, infraLegacy, nil, ours(infraLegacy), false, ActionRelease, "mode is native"},
		"mode native leaves a foreign server":            {ModeNative, infraLegacy, nil, foreign(infraLegacy), false, ActionLeave, "Service other/server"},
		"mode all beside CRDs":                           {ModeAll, kcpLegacy, crdList(kcp), nil, true, ActionApply, "hidden: CRD kubeadmcontrolplanes"},
		"mode all takes the host's own over":             {ModeAll, kcpLegacy, crdList(kcp), local(kcpLegacy, "true"), true, ActionTakeOver, "hidden: CRD kubeadmcontrolplanes"},
		"mode all keeps what it took":                    {ModeAll, kcpLegacy, crdList(kcp), ours(kcpLegacy), true, ActionApply, "claimed: "},
		"mode all leaves a foreign server":               {ModeAll, infraLegacy, nil, foreign(infraLegacy), false, ActionLeave, "Service other/server"},
		"mode all leaves a hand-made local one":          {ModeAll, infraLegacy, nil, local(infraLegacy, ""), false, ActionLeave, "delete that APIService"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			host := HostState{CRDs: c.crds}
			if c.exists != nil {
				host.APIServices = []*apiregistrationv1.APIService{c.exists}
			}
			var got Decision
			for _, d := range Decide(c.mode, testKinds, ourService, host) {
				if d.GroupVersion == c.gv {
					got = d
				}
			}
			if got.Claimed != c.claimed || got.Action != c.action || !strings.Contains(got.Message, c.message) {
				t.Errorf("got claimed=%v %s %q, want claimed=%v %s and %q", got.Claimed, got.Action, got.Message, c.claimed, c.action, c.message)
			}
			if prefix := map[bool]string{true: "claimed: ", false: "not claimed: "}[c.claimed]; !strings.HasPrefix(got.Message, prefix) {
				t.Errorf("message %q does not begin with %q", got.Message, prefix)
			}
		})
	}
}

func crdList(crds ...*apiextensionsv1.CustomResourceDefinition) []*apiextensionsv1.CustomResourceDefinition {
	return crds
}

func TestOnAKubeadmManagementClusterOnlyInfrastructureIsClaimedAtTheLegacyVersion(t *testing.T) {
	host := HostState{CRDs: crdList(
		servedCRD(controlPlane, "KubeadmControlPlane", "v1beta2"),
		servedCRD(bootstrap, "KubeadmConfig", "v1beta2"),
	)}
	got := map[string]bool{}
	for _, d := range Decide(ModeAuto, testKinds, ourService, host) {
		got[apiServiceName(d.GroupVersion)] = d.Claimed
	}
	want := map[string]bool{
		"v1beta2." + infra: true, "v2beta1." + infra: true,
		"v1beta2." + controlPlane: false, "v2beta1." + controlPlane: true,
		"v1beta2." + bootstrap: false, "v2beta1." + bootstrap: true,
		"v1alpha1.mirror.aws.cluster.x-k8s.io": true,
	}
	if len(got) != len(want) {
		t.Errorf("decided %v, want %v", got, want)
	}
	for name, claimed := range want {
		if got[name] != claimed {
			t.Errorf("%s: claimed=%v, want %v", name, got[name], claimed)
		}
	}
}

func TestShadowCRDIsNamedAsClusterAPICalculates(t *testing.T) {
	for _, r := range testKinds {
		if got, want := ShadowCRD(r).Name, contract.CalculateCRDName(r.Group, r.Kind); got != want {
			t.Errorf("%s: name %s, Cluster API looks for %s", r.Kind, got, want)
		}
	}
}

func TestShadowCRDIsNeverServedAndCarriesOneContract(t *testing.T) {
	for _, r := range testKinds {
		crd := ShadowCRD(r)
		if len(crd.Spec.Versions) != 1 || crd.Spec.Versions[0].Served || !crd.Spec.Versions[0].Storage || crd.Spec.Versions[0].Name != "v2beta1" {
			t.Errorf("%s: versions %+v, want the one v2beta1, stored and not served", r.Kind, crd.Spec.Versions)
		}
		contracts := 0
		for label := range crd.Labels {
			if strings.HasPrefix(label, "cluster.x-k8s.io/v") {
				contracts++
			}
		}
		if contracts != 1 || crd.Labels["cluster.x-k8s.io/v1beta2"] != "v2beta1" {
			t.Errorf("%s: labels %v, want exactly one contract", r.Kind, crd.Labels)
		}
		if _, ok := crd.Labels["clusterctl.cluster.x-k8s.io"]; !ok || crd.Labels["cluster.x-k8s.io/provider"] != "infrastructure-aws" {
			t.Errorf("%s: labels %v lack what clusterctl looks for", r.Kind, crd.Labels)
		}
		_, moves := crd.Labels["clusterctl.cluster.x-k8s.io/move-hierarchy"]
		if want := strings.HasSuffix(r.Kind, "Identity"); moves != want {
			t.Errorf("%s: move-hierarchy %v, want %v", r.Kind, moves, want)
		}
	}
}

func TestResourcesOwnLabelsWin(t *testing.T) {
	r := testKinds[0]
	r.ShadowLabels = map[string]string{"cluster.x-k8s.io/provider": "infrastructure-other", "extra": "yes"}
	if got := ShadowCRD(r).Labels; got["cluster.x-k8s.io/provider"] != "infrastructure-other" || got["extra"] != "yes" {
		t.Errorf("labels %v", got)
	}
}

func TestShadowsAreAppliedOnlyWhereNobodyElseServesOrStores(t *testing.T) {
	storing := ShadowCRD(testKinds[0])
	storing.Status.StoredVersions = []string{"v1beta1", NativeVersion}
	ourOwn := ShadowCRD(testKinds[0])
	ourOwn.Status.StoredVersions = []string{NativeVersion}
	taken := storing.DeepCopy()
	taken.Annotations = map[string]string{takeover.CRDAnnotation: "{}"}
	cases := map[string]struct {
		exists *apiextensionsv1.CustomResourceDefinition
		action Action
		want   string
	}{
		"none":                   {nil, ActionApply, "shadow: AWSCluster"},
		"our own":                {ourOwn, ActionApply, "shadow: AWSCluster"},
		"CAPA's own":             {servedCRD(infra, "AWSCluster", "v1beta2", "v1beta1"), ActionLeave, "serves v1beta2, v1beta1"},
		"unserved, with objects": {storing, ActionLeave, "stored as v1beta1;"},
		"taken over":             {taken, ActionLeave, "never delete it"},
	}
	for name, c := range cases {
		host := HostState{}
		if c.exists != nil {
			host.CRDs = crdList(c.exists)
		}
		got := DecideShadows(testKinds[:1], host)
		if len(got) != 1 || got[0].Action != c.action || !strings.Contains(got[0].Message, c.want) {
			t.Errorf("%s: got %+v, want %s and %q", name, got, c.action, c.want)
		}
	}
	if got := DecideShadows(testKinds[4:], HostState{}); len(got) != 0 {
		t.Errorf("a kind that Cluster API cannot refer to got a shadow: %+v", got)
	}
}

func TestModeIsRefusedWithTheChoices(t *testing.T) {
	if _, err := ParseMode("some"); err == nil || !strings.Contains(err.Error(), "auto, native or all") {
		t.Errorf("error %v", err)
	}
	if m, err := ParseMode("all"); err != nil || m != ModeAll {
		t.Errorf("got %q, %v", m, err)
	}
}
