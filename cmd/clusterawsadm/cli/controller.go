package cli

import (
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// credentialsSecret has the profile that the controllers use, under the key credentials.
const credentialsSecret = "capa-manager-bootstrap-credentials"

// nothing is what a Secret without credentials has: a line end.
const nothing = "Cg=="

var (
	secretKind = schema.GroupVersionKind{Version: "v1", Kind: "Secret"}
	// workloads are what may run the controllers, by their names.
	workloads = []struct {
		gvk  schema.GroupVersionKind
		name string
	}{
		{schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"}, "capa-controller-manager"},
		{schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"}, "capa-apiserver"},
		{schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "StatefulSet"}, "capa-apiserver"},
	}
)

func controller() *cobra.Command {
	return group("controller", "Look after the controllers' credentials", `
Look after the credentials of the controllers in a management cluster, and restart them.`,
		printCredentials(), updateCredentials(), zeroCredentials(), rollout(), usePodIdentity())
}

func addController(c *cobra.Command) {
	c.Flags().String("namespace", "capa-system", "the namespace of the controllers")
	addKubeconfig(c)
}

func printCredentials() *cobra.Command {
	c := command("print-credentials", "Print the credentials that the controllers use", `
Print the profile that the Secret `+credentialsSecret+` has. It is secret: mind who looks on.`, `
  clusterawsadm controller print-credentials --kubeconfig management.kubeconfig`,
		func(c *cobra.Command) error {
			kube, err := management(c)
			if err != nil {
				return err
			}
			return showCredentials(c, kube)
		})
	addController(c)
	return c
}

func showCredentials(c *cobra.Command, kube client.Client) error {
	secret, err := theSecret(c, kube)
	if err != nil {
		return err
	}
	data, _, _ := unstructured.NestedString(secret.Object, "data", "credentials")
	plain, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		return fmt.Errorf("the Secret's credentials are no base64: %w", err)
	}
	printf(c, "%s", plain)
	return nil
}

func theSecret(c *cobra.Command, kube client.Client) (*unstructured.Unstructured, error) {
	secret, key := object(secretKind), client.ObjectKey{Namespace: text(c, "namespace"), Name: credentialsSecret}
	if err := kube.Get(c.Context(), key, secret); err != nil {
		return nil, fmt.Errorf("the Secret %s: %w; is the provider installed there? See --namespace", key, err)
	}
	return secret, nil
}

func updateCredentials() *cobra.Command {
	c := command("update-credentials", "Give the controllers other credentials", `
Put credentials into the Secret `+credentialsSecret+`: those of AWS_B64ENCODED_CREDENTIALS, as encode-as-profile prints them. The server takes them up by
itself; CAPA's controllers have to be restarted (rollout-controller).`, `
  AWS_B64ENCODED_CREDENTIALS=$(clusterawsadm bootstrap credentials encode-as-profile) clusterawsadm controller update-credentials`,
		func(c *cobra.Command) error {
			encoded := os.Getenv("AWS_B64ENCODED_CREDENTIALS")
			if encoded == "" {
				return errors.New("AWS_B64ENCODED_CREDENTIALS isn't set; set it to what clusterawsadm bootstrap credentials encode-as-profile prints, or use zero-credentials")
			}
			if _, err := base64.StdEncoding.DecodeString(encoded); err != nil {
				return fmt.Errorf("AWS_B64ENCODED_CREDENTIALS is no base64 (%w); set it to what clusterawsadm bootstrap credentials encode-as-profile prints", err)
			}
			return putCredentials(c, encoded)
		})
	addController(c)
	return c
}

func zeroCredentials() *cobra.Command {
	c := command("zero-credentials", "Take the controllers' credentials away", `
Empty the Secret `+credentialsSecret+`, once the controllers have a role of their own: an instance profile, IRSA or Pod Identity.`, `
  clusterawsadm controller zero-credentials --kubeconfig management.kubeconfig`,
		func(c *cobra.Command) error { return putCredentials(c, nothing) })
	addController(c)
	return c
}

func putCredentials(c *cobra.Command, encoded string) error {
	kube, err := management(c)
	if err != nil {
		return err
	}
	secret, err := theSecret(c, kube)
	if err != nil {
		return err
	}
	before := client.MergeFrom(secret.DeepCopy())
	if err := unstructured.SetNestedField(secret.Object, encoded, "data", "credentials"); err != nil {
		return err
	}
	if err := kube.Patch(c.Context(), secret, before); err != nil {
		return fmt.Errorf("the Secret %s/%s: %w", secret.GetNamespace(), secret.GetName(), err)
	}
	return showCredentials(c, kube)
}

func rollout() *cobra.Command {
	c := command("rollout-controller", "Restart the controllers", `
Restart the controllers one after the other, as kubectl rollout restart does: of this server, or of CAPA.`, `
  clusterawsadm controller rollout-controller --kubeconfig management.kubeconfig`,
		func(c *cobra.Command) error {
			kube, err := management(c)
			if err != nil {
				return err
			}
			restarted := 0
			for _, w := range workloads {
				x := object(w.gvk)
				err := kube.Get(c.Context(), client.ObjectKey{Namespace: text(c, "namespace"), Name: w.name}, x)
				if apierrors.IsNotFound(err) {
					continue
				}
				if err == nil {
					before := client.MergeFrom(x.DeepCopy())
					err = unstructured.SetNestedField(x.Object, time.Now().UTC().Format(time.RFC3339), "spec", "template", "metadata", "annotations", "kubectl.kubernetes.io/restartedAt")
					if err == nil {
						err = kube.Patch(c.Context(), x, before)
					}
				}
				if err != nil {
					return fmt.Errorf("the %s %s: %w", w.gvk.Kind, w.name, err)
				}
				restarted++
				printf(c, "%s %s restarts\n", w.gvk.Kind, w.name)
			}
			if restarted == 0 {
				return fmt.Errorf("no controllers are in the namespace %s; see --namespace", text(c, "namespace"))
			}
			return nil
		})
	addController(c)
	return c
}

func usePodIdentity() *cobra.Command {
	c := command("use-pod-identity", "Give the controllers a role by EKS Pod Identity", `
Associate the controllers' service account with the stack's role, where the management cluster is one of EKS and has the add-on eks-pod-identity-agent.
An association with another role gets this one; a second time nothing changes.
Restart the controllers afterwards, and take their credentials away (zero-credentials).`, `
  clusterawsadm controller use-pod-identity --cluster-name management --region us-east-1 --service-account capa-apiserver`, runPodIdentity)
	addRegion(c, "r")
	c.Flags().StringP("cluster-name", "n", "", "the EKS name of the management cluster")
	c.Flags().String("namespace", "capa-system", "the namespace of the controllers")
	c.Flags().String("service-account", "capa-controller-manager", "the controllers' service account; capa-apiserver is this server's")
	c.Flags().String("role-name", "controllers.cluster-api-provider-aws.sigs.k8s.io", "the name of the stack's role")
	return c
}

func runPodIdentity(c *cobra.Command) error {
	if text(c, "cluster-name") == "" {
		return errors.New("write the EKS name of the management cluster: --cluster-name NAME")
	}
	account, err := account(c, "")
	if err != nil {
		return err
	}
	role, err := iam.NewFromConfig(account).GetRole(c.Context(), &iam.GetRoleInput{RoleName: aws.String(text(c, "role-name"))})
	if err != nil {
		return fmt.Errorf("the role %s: %w; clusterawsadm bootstrap iam create-cloudformation-stack makes it", text(c, "role-name"), err)
	}
	id, err := associate(c, eks.NewFromConfig(account), role.Role.Arn)
	if err != nil {
		return err
	}
	printf(c, "Service account %s/%s has the role %s (%s)\n", text(c, "namespace"), text(c, "service-account"), *role.Role.Arn, id)
	return nil
}

// associate gives the service account the role, also where it has another one, and returns the association's id.
func associate(c *cobra.Command, client *eks.Client, role *string) (string, error) {
	cluster, namespace, account := aws.String(text(c, "cluster-name")), aws.String(text(c, "namespace")), aws.String(text(c, "service-account"))
	there, err := client.ListPodIdentityAssociations(c.Context(), &eks.ListPodIdentityAssociationsInput{ClusterName: cluster, Namespace: namespace, ServiceAccount: account})
	if err != nil {
		return "", err
	}
	if len(there.Associations) == 0 {
		made, err := client.CreatePodIdentityAssociation(c.Context(), &eks.CreatePodIdentityAssociationInput{ClusterName: cluster, Namespace: namespace, ServiceAccount: account, RoleArn: role})
		if err != nil {
			return "", err
		}
		return aws.ToString(made.Association.AssociationId), nil
	}
	id := there.Associations[0].AssociationId
	has, err := client.DescribePodIdentityAssociation(c.Context(), &eks.DescribePodIdentityAssociationInput{ClusterName: cluster, AssociationId: id})
	if err == nil && aws.ToString(has.Association.RoleArn) != *role {
		_, err = client.UpdatePodIdentityAssociation(c.Context(), &eks.UpdatePodIdentityAssociationInput{ClusterName: cluster, AssociationId: id, RoleArn: role})
	}
	return aws.ToString(id), err
}
