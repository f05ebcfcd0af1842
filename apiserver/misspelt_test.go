package apiserver

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

func TestAnUnknownFieldIsToldWhichOneIsMeant(t *testing.T) {
	table := NewTable(Kinds()...)
	codecs := table.info(table.Groups()[0]).NegotiatedSerializer
	info, _ := runtime.SerializerInfoForMediaType(codecs.SupportedMediaTypes(), runtime.ContentTypeJSON)
	for name, c := range map[string]struct{ kind, spec, want string }{
		"two letters swapped":   {"AWSCluster", `{"regoin": "us-east-1"}`, `unknown field "spec.regoin" (did you mean spec.region?)`},
		"another case":          {"AWSMachine", `{"InstanceType": "m5.large"}`, `(did you mean spec.instanceType?)`},
		"below lists":           {"AWSCluster", `{"network": {"subnets": [{"id": "a", "availabiltyZone": "us-east-1a"}]}}`, `(did you mean spec.network.subnets[0].availabilityZone?)`},
		"a part of the name":    {"AWSCluster", `{"controlPlaneLoadBalancer": {"type": "nlb"}}`, `(did you mean spec.controlPlaneLoadBalancer.loadBalancerType?)`},
		"another word":          {"AWSMachine", `{"rootVolume": {"size": 8, "encryption": true}}`, `(did you mean spec.rootVolume.encrypted?)`},
		"another place":         {"AWSMachineTemplate", `{"template": {"instanceType": "m5.large"}}`, `(did you mean spec.template.spec.instanceType?)`},
		"further up than meant": {"AWSCluster", `{"vpc": {"id": "vpc-1"}}`, `(did you mean spec.network.vpc?)`},
		"nothing near":          {"AWSCluster", `{"colour": "blue"}`, `unknown field "spec.colour"`},
		"two at once":           {"AWSCluster", `{"regoin": "us-east-1", "vpc": {}}`, `spec.region?), unknown field "spec.vpc"`},
	} {
		for _, version := range []string{"v1beta2", "v2beta1"} {
			text := `{"apiVersion": "infrastructure.cluster.x-k8s.io/` + version + `", "kind": "` + c.kind + `", "metadata": {"name": "a"}, "spec": ` + c.spec + `}`
			decoder := codecs.DecoderToVersion(info.StrictSerializer, table.Groups()[0].Hub)
			obj, _, err := decoder.Decode([]byte(text), nil, nil)
			if _, strict := runtime.AsStrictDecodingError(err); !strict || obj == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s at %s: %v, want %s", name, version, err, c.want)
			}
			if c.want == `unknown field "spec.colour"` && strings.Contains(err.Error(), "did you mean") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// An answer doesn't cost more for a long name, or for many of them.
func TestUnknownFieldsWithoutEndCostLittle(t *testing.T) {
	of := reflect.TypeFor[*infrav1.AWSCluster]()
	long := errors.New(`unknown field "spec.` + strings.Repeat("region", 1<<18) + `"`)
	if n := testing.AllocsPerRun(1, func() {
		if got := advised(long, of); got.Error() != long.Error() {
			t.Errorf("it is told %.80s", got)
		}
	}); n > 10 {
		t.Errorf("that takes %v allocations", n)
	}
}
