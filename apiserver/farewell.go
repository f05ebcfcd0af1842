package apiserver

import (
	"context"
	"encoding/json"
	"fmt"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
)

// farewell is what the host says to whoever deletes the provider.
const farewell = `all clusters stay in AWS as they are, and nobody looks after them until the provider is installed again, which finds everything: ` +
	`"clusterawsadm resource list --cluster-name NAME" lists what one has there. A cluster goes from AWS only with its Cluster object, while the provider runs`

// warn has the host warn of the deletion of the provider's entry in clusterctl's inventory, which "clusterctl delete" alone
// deletes. The policy can't be one of the provider's manifests: clusterctl deletes those in no order, it among them.
func (k kept) warn(ctx context.Context) error {
	version := admissionregistrationv1.SchemeGroupVersion
	meta := metav1.ObjectMeta{Name: installed, Labels: map[string]string{"app.kubernetes.io/managed-by": installed}}
	for resource, object := range map[string]runtime.Object{
		"validatingadmissionpolicies": &admissionregistrationv1.ValidatingAdmissionPolicy{
			TypeMeta: metav1.TypeMeta{APIVersion: version.String(), Kind: "ValidatingAdmissionPolicy"}, ObjectMeta: meta,
			Spec: admissionregistrationv1.ValidatingAdmissionPolicySpec{
				FailurePolicy: ptr.To(admissionregistrationv1.Ignore),
				MatchConstraints: &admissionregistrationv1.MatchResources{ResourceRules: []admissionregistrationv1.NamedRuleWithOperations{{
					ResourceNames: []string{inventory},
					RuleWithOperations: admissionregistrationv1.RuleWithOperations{
						Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.Delete},
						Rule:       admissionregistrationv1.Rule{APIGroups: []string{providers.Group}, APIVersions: []string{providers.Version}, Resources: []string{providers.Resource}},
					},
				}}},
				Validations: []admissionregistrationv1.Validation{{Expression: "false", Message: farewell}},
			},
		},
		"validatingadmissionpolicybindings": &admissionregistrationv1.ValidatingAdmissionPolicyBinding{
			TypeMeta: metav1.TypeMeta{APIVersion: version.String(), Kind: "ValidatingAdmissionPolicyBinding"}, ObjectMeta: meta,
			Spec: admissionregistrationv1.ValidatingAdmissionPolicyBindingSpec{
				PolicyName: installed, ValidationActions: []admissionregistrationv1.ValidationAction{admissionregistrationv1.Warn},
			},
		},
	} {
		body, err := json.Marshal(object)
		if err != nil {
			return err
		}
		options := metav1.PatchOptions{FieldManager: installed, Force: new(true)}
		if _, err := k.client.Resource(version.WithResource(resource)).Patch(ctx, installed, types.ApplyPatchType, body, options); err != nil {
			return fmt.Errorf("nobody will warn of what stays in AWS when the provider is deleted: %s %s: %w", resource, installed, err)
		}
	}
	return nil
}
