package install

import (
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"

	bootstrapv1 "github.com/capa-apiserver/capa-apiserver/apis/bootstrap/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/test/groups"
)

func TestReadyIsWhatWritersOfTheOlderVersionKnow(t *testing.T) {
	decoder := serializer.NewCodecFactory(groups.Scheme(Group)).UniversalDecoder(Group.Internal())
	for status, want := range map[string]bool{
		"{ready: true}": true,
		"{ready: true, initialization: {dataSecretCreated: false}}": true,
		"{ready: false, initialization: {dataSecretCreated: true}}": false,
		"{}": false,
	} {
		obj, err := runtime.Decode(decoder, []byte("apiVersion: bootstrap.cluster.x-k8s.io/v1beta2\nkind: NodeadmConfig\nmetadata: {name: a}\nstatus: "+status))
		if err != nil {
			t.Fatal(err)
		}
		s := obj.(*bootstrapv1.NodeadmConfig).Status
		if created := s.Initialization != nil && *s.Initialization.DataSecretCreated; s.Ready != want || created != want {
			t.Errorf("%s is %+v, want ready %v", status, s, want)
		}
	}
}
