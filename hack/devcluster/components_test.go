package devcluster

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestChoosingComponentsKeepsWhatTheyNeed(t *testing.T) {
	cases := []struct {
		name          string
		only, without []string
		want          string
	}{
		{"nothing said: everything", nil, nil,
			"aws-emulator aws-instances capa-apiserver capi-core capi-kubeadm-bootstrap capi-kubeadm-control-plane demo demo-eks demo-nodes etcd kube-apiserver kube-controller-manager standin-dns"},
		{"only brings what is needed", []string{"kube-apiserver"}, nil, "etcd kube-apiserver"},
		{"only takes groups", []string{"capi"}, nil,
			"capi-core capi-kubeadm-bootstrap capi-kubeadm-control-plane etcd kube-apiserver kube-controller-manager"},
		{"without takes away what needs it", nil, []string{"capi"}, "aws-emulator aws-instances etcd kube-apiserver kube-controller-manager standin-dns"},
		{"without the kubeadm providers the server stays", nil, []string{"kubeadm"},
			"aws-emulator aws-instances capa-apiserver capi-core demo demo-eks etcd kube-apiserver kube-controller-manager standin-dns"},
		{"without the emulator the server stays", nil, []string{"aws-emulator", "demo", "demo-eks"},
			"aws-instances capa-apiserver capi-core capi-kubeadm-bootstrap capi-kubeadm-control-plane etcd kube-apiserver kube-controller-manager standin-dns"},
		{"what takes long can be left out", nil, []string{"demo-nodes", "demo-eks"},
			"aws-emulator aws-instances capa-apiserver capi-core capi-kubeadm-bootstrap capi-kubeadm-control-plane demo etcd kube-apiserver kube-controller-manager standin-dns"},
	}
	for _, c := range cases {
		chosen, err := choose(c.only, c.without)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := strings.Join(slices.Sorted(maps.Keys(chosen)), " "); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

func TestUnknownComponentIsRefusedWithTheKnownOnes(t *testing.T) {
	_, err := choose(nil, []string{"kubelet"})
	if err == nil || !strings.Contains(err.Error(), "--without=kubelet") || !strings.Contains(err.Error(), "kube-apiserver") {
		t.Fatalf("got %v", err)
	}
}

func TestComponentsStopAfterWhatNeedsThem(t *testing.T) {
	for _, c := range components {
		for _, need := range c.needs {
			if stopOrder(c.name) >= stopOrder(need) {
				t.Errorf("%s would stop after %s, which it needs", c.name, need)
			}
		}
	}
}
