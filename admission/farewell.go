package admission

import (
	"context"
	"encoding/json"
	"fmt"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
)

// farewell is what the host says to whoever deletes the server, as "clusterctl delete" does.
const farewell = `all clusters stay in AWS as they are, and nobody looks after them until the server is installed again, which finds everything: ` +
	`"clusterawsadm resource list --cluster-name NAME" lists what one has there. A cluster goes from AWS only with its Cluster object, while the server runs`

// farewellPolicy warns of the deletion of the server's StatefulSet. It isn't in the manifests: clusterctl deletes those of a
// provider in no order, and would often take it away before it could speak.
func farewellPolicy() *admissionregistrationv1.ValidatingAdmissionPolicy {
	return &admissionregistrationv1.ValidatingAdmissionPolicy{
		TypeMeta:   metav1.TypeMeta{APIVersion: admissionregistrationv1.SchemeGroupVersion.String(), Kind: "ValidatingAdmissionPolicy"},
		ObjectMeta: configurationMeta(),
		Spec: admissionregistrationv1.ValidatingAdmissionPolicySpec{
			FailurePolicy: ptr.To(admissionregistrationv1.Ignore),
			MatchConstraints: &admissionregistrationv1.MatchResources{ResourceRules: []admissionregistrationv1.NamedRuleWithOperations{{
				ResourceNames: []string{ConfigurationName},
				RuleWithOperations: admissionregistrationv1.RuleWithOperations{
					Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.Delete},
					Rule:       admissionregistrationv1.Rule{APIGroups: []string{"apps"}, APIVersions: []string{"v1"}, Resources: []string{"statefulsets"}},
				},
			}}},
			Validations: []admissionregistrationv1.Validation{{Expression: "false", Message: farewell}},
		},
	}
}

func farewellBinding() *admissionregistrationv1.ValidatingAdmissionPolicyBinding {
	return &admissionregistrationv1.ValidatingAdmissionPolicyBinding{
		TypeMeta:   metav1.TypeMeta{APIVersion: admissionregistrationv1.SchemeGroupVersion.String(), Kind: "ValidatingAdmissionPolicyBinding"},
		ObjectMeta: configurationMeta(),
		Spec: admissionregistrationv1.ValidatingAdmissionPolicyBindingSpec{
			PolicyName: ConfigurationName, ValidationActions: []admissionregistrationv1.ValidationAction{admissionregistrationv1.Warn},
		},
	}
}

// registerFarewell installs both by server-side apply.
func (r *Registration) registerFarewell(ctx context.Context, options metav1.PatchOptions) error {
	api := r.client.AdmissionregistrationV1()
	policy, err := json.Marshal(farewellPolicy())
	if err != nil {
		return err
	}
	binding, err := json.Marshal(farewellBinding())
	if err != nil {
		return err
	}
	if _, err := api.ValidatingAdmissionPolicies().Patch(ctx, ConfigurationName, types.ApplyPatchType, policy, options); err != nil {
		return fmt.Errorf("ValidatingAdmissionPolicy %s: %w", ConfigurationName, err)
	}
	if _, err := api.ValidatingAdmissionPolicyBindings().Patch(ctx, ConfigurationName, types.ApplyPatchType, binding, options); err != nil {
		return fmt.Errorf("ValidatingAdmissionPolicyBinding %s: %w", ConfigurationName, err)
	}
	return nil
}
