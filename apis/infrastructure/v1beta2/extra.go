package v1beta2

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// ExtraAnnotation keeps, at this version, what of a spec only v2beta1 has, so that reading an
// object and writing it back loses nothing.
const ExtraAnnotation = "capa-apiserver.cluster.x-k8s.io/v2beta1-spec"

// KeepExtra writes what only v2beta1 has into an annotation. The other annotations may be
// shared with the object that is converted. One that somebody wrote at v2beta1 counts for nothing.
func KeepExtra(meta *metav1.ObjectMeta, extra any) error {
	if _, there := meta.Annotations[ExtraAnnotation]; !there && reflect.ValueOf(extra).IsZero() {
		return nil
	}
	text, err := json.Marshal(extra)
	if err != nil {
		return err
	}
	meta.Annotations = maps.Clone(meta.Annotations)
	metav1.SetMetaDataAnnotation(meta, ExtraAnnotation, string(text))
	return nil
}

// TakeExtra reads it back, and takes the annotation away.
func TakeExtra(meta *metav1.ObjectMeta, extra any) error {
	text, ok := meta.Annotations[ExtraAnnotation]
	if !ok {
		return nil
	}
	if err := json.Unmarshal([]byte(text), extra); err != nil {
		return fmt.Errorf("metadata.annotations[%s] isn't what v1beta2 shows of a spec at v2beta1 (%w); leave it as it is read, or remove it", ExtraAnnotation, err)
	}
	if meta.Annotations = maps.Clone(meta.Annotations); len(meta.Annotations) == 1 {
		meta.Annotations = nil
	}
	delete(meta.Annotations, ExtraAnnotation)
	return nil
}

// extraOfPool is what only v2beta1 has of an AWSManagedMachinePool.
type extraOfPool struct {
	infrav1.AWSManagedMachinePoolExtraSpec `json:",inline"`

	UpdateStrategy   infrav1.NodegroupUpdateStrategy `json:"updateStrategy,omitempty"`
	NodeRepairConfig *infrav1.NodeRepairConfig       `json:"nodeRepairConfig,omitempty"`
}

func extraOf(spec *infrav1.AWSManagedMachinePoolSpec) (extra extraOfPool) {
	extra.AWSManagedMachinePoolExtraSpec = spec.AWSManagedMachinePoolExtraSpec
	if c := spec.UpdateConfig; c != nil {
		extra.UpdateStrategy = c.UpdateStrategy
	}
	if c := spec.NodeRepairConfig; c != nil {
		more := *c
		if more.Enabled = nil; !reflect.ValueOf(more).IsZero() {
			extra.NodeRepairConfig = &more
		}
	}
	return extra
}

// into completes a spec that was converted. What this version took away goes with what it has.
func (extra extraOfPool) into(spec *infrav1.AWSManagedMachinePoolSpec) {
	spec.AWSManagedMachinePoolExtraSpec = extra.AWSManagedMachinePoolExtraSpec
	if spec.UpdateConfig != nil {
		spec.UpdateConfig.UpdateStrategy = extra.UpdateStrategy
	}
	if spec.NodeRepairConfig != nil && extra.NodeRepairConfig != nil {
		enabled := spec.NodeRepairConfig.Enabled
		*spec.NodeRepairConfig = *extra.NodeRepairConfig
		spec.NodeRepairConfig.Enabled = enabled
	}
}
