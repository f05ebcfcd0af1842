package install

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"sigs.k8s.io/yaml"

	"github.com/capa-apiserver/capa-apiserver/apis/controlplane/v1beta2"
	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infraold "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v1beta2"
	"github.com/capa-apiserver/capa-apiserver/test/groups"
)

const withExtras = `{region: us-east-1, version: v1.34, force: true, deletionProtection: true, autoMode: {enabled: true}, addons: [
  {name: vpc-cni, podIdentityAssociations: [{serviceAccount: aws-node, roleARN: "arn:aws:iam::123456789012:role/cni"}]},
  {name: coredns, podIdentityAssociations: [{serviceAccount: coredns, roleARN: "arn:aws:iam::123456789012:role/dns"}]}]}`

func at(t *testing.T, obj runtime.Object) *v1beta2.AWSManagedControlPlane {
	t.Helper()
	codecs := serializer.NewCodecFactory(groups.Scheme(Group))
	info, _ := runtime.SerializerInfoForMediaType(codecs.SupportedMediaTypes(), runtime.ContentTypeYAML)
	text, err := runtime.Encode(codecs.EncoderForVersion(info.Serializer, v1beta2.SchemeGroupVersion), obj)
	if err != nil {
		t.Fatal(err)
	}
	shown := &v1beta2.AWSManagedControlPlane{}
	if err := yaml.UnmarshalStrict(text, shown); err != nil {
		t.Fatal(err)
	}
	return shown
}

func written(t *testing.T, obj *v1beta2.AWSManagedControlPlane) (*controlplanev1.AWSManagedControlPlane, error) {
	t.Helper()
	text, err := yaml.Marshal(obj)
	if err != nil {
		t.Fatal(err)
	}
	back, err := runtime.Decode(serializer.NewCodecFactory(groups.Scheme(Group), serializer.EnableStrict).UniversalDecoder(Group.Internal()), text)
	if err != nil {
		return nil, err
	}
	return back.(*controlplanev1.AWSManagedControlPlane), nil
}

// TestWhoWritesAtV1beta2KeepsWhatOnlyV2beta1Has changes what v1beta2 shows.
func TestWhoWritesAtV1beta2KeepsWhatOnlyV2beta1Has(t *testing.T) {
	stored := decode(t, "v2beta1", withExtras)
	stored.Annotations = map[string]string{"mine": "yes"}
	shown := at(t, stored)
	if stored.Annotations[infraold.ExtraAnnotation] != "" {
		t.Fatal("what is read is written into what is stored")
	}
	version := "v1.35"
	shown.Spec.Version, shown.Spec.Addons, shown.Labels = &version, shown.Spec.Addons[1:], map[string]string{"a": "b"}
	back, err := written(t, shown)
	if err != nil {
		t.Fatal(err)
	}
	want := stored.DeepCopy()
	want.Spec.Version, want.Spec.Addons, want.Labels = &version, want.Spec.Addons[1:], map[string]string{"a": "b"}
	if diff := cmp.Diff(want.Spec, back.Spec); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"mine": "yes"}, back.Annotations); diff != "" {
		t.Error(diff)
	}

	shown.Annotations[infraold.ExtraAnnotation] = "{"
	if _, err := written(t, shown); err == nil || !strings.Contains(err.Error(), "leave it as it is read, or remove it") {
		t.Errorf("an annotation that can't be read: %v", err)
	}
	delete(shown.Annotations, infraold.ExtraAnnotation)
	if back, err := written(t, shown); err != nil || back.Spec.Force || back.Spec.AutoMode != nil {
		t.Errorf("without it: %+v, %v", back, err)
	}
}
