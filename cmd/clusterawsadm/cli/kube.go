package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func addKubeconfig(c *cobra.Command) {
	c.Flags().String("kubeconfig", "", "the kubeconfig of the management cluster; by default KUBECONFIG, or ~/.kube/config")
	c.Flags().String("kubeconfig-context", "", "the context of the kubeconfig; by default its current one")
}

// management is the way to the management cluster; tests have another.
var management = func(c *cobra.Command) (client.Client, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = text(c, "kubeconfig")
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: text(c, "kubeconfig-context")}).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("the management cluster isn't known: %w; use --kubeconfig", err)
	}
	return client.New(config, client.Options{})
}

func object(gvk schema.GroupVersionKind) *unstructured.Unstructured {
	out := &unstructured.Unstructured{}
	out.SetGroupVersionKind(gvk)
	return out
}

// Annotations that say what is deleted with a cluster of what its load balancer controllers made.
const (
	gcAnnotation      = "aws.cluster.x-k8s.io/external-resource-gc"
	gcTasksAnnotation = "aws.cluster.x-k8s.io/external-resource-tasks-gc"
)

const infrastructure = "infrastructure.cluster.x-k8s.io"

// gcKinds are those whose annotations the server reads when it deletes a cluster, at versions that it always serves.
var gcKinds = []schema.GroupVersionKind{
	{Group: infrastructure, Version: "v1beta2", Kind: "AWSCluster"},
	{Group: "controlplane.cluster.x-k8s.io", Version: "v2beta1", Kind: "AWSManagedControlPlane"},
}

// gcElsewhere has nothing in AWS itself: the control plane beside it has.
var gcElsewhere = schema.GroupKind{Group: infrastructure, Kind: "AWSManagedCluster"}

var gcTasks = []string{"load-balancer", "target-group", "security-group"}

func gc() *cobra.Command {
	return group("gc", "Say what is deleted with a cluster", `
Say whether what Services of a workload cluster had made in AWS (load balancers, target groups, security groups) is deleted with the cluster. It is, by default.`,
		gcSwitch("enable", "Delete with a cluster what its Services had made", "true"), gcSwitch("disable", "Leave alone what a cluster's Services had made", "false"), gcConfigure())
}

func addCluster(c *cobra.Command) {
	c.Flags().String("cluster-name", "", "the name of the Cluster")
	c.Flags().StringP("namespace", "n", "default", "the Cluster's namespace")
	addKubeconfig(c)
}

func gcSwitch(use, short, value string) *cobra.Command {
	c := command(use, short, short+`: sets the annotation `+gcAnnotation+` of its AWSCluster, or with EKS of its AWSManagedControlPlane, to `+value+`.`, `
  clusterawsadm gc `+use+` --cluster-name prod --namespace default`,
		func(c *cobra.Command) error { return annotate(c, gcAnnotation, value) })
	addCluster(c)
	return c
}

func gcConfigure() *cobra.Command {
	c := command("configure", "Choose what is deleted with a cluster", `
Choose what is deleted with a cluster of what its Services had made; without --gc-task all is.`, `
  clusterawsadm gc configure --cluster-name prod --gc-task load-balancer --gc-task target-group`,
		func(c *cobra.Command) error {
			tasks, err := c.Flags().GetStringSlice("gc-task")
			if err != nil {
				return err
			}
			for _, task := range tasks {
				if !slices.Contains(gcTasks, task) {
					return fmt.Errorf("--gc-task is %q; write one of %s", task, strings.Join(gcTasks, ", "))
				}
			}
			return annotate(c, gcTasksAnnotation, strings.Join(tasks, ","))
		})
	c.Flags().StringSlice("gc-task", nil, "what to delete, once or more: "+strings.Join(gcTasks, ", "))
	addCluster(c)
	return c
}

// annotate sets an annotation of what a Cluster has in AWS, or takes it away.
func annotate(c *cobra.Command, name, value string) error {
	if text(c, "cluster-name") == "" {
		return fmt.Errorf("write the Cluster's name: %s --cluster-name NAME", c.CommandPath())
	}
	kube, err := management(c)
	if err != nil {
		return err
	}
	cluster := object(schema.GroupVersionKind{Group: "cluster.x-k8s.io", Version: "v1beta2", Kind: "Cluster"})
	key := client.ObjectKey{Namespace: text(c, "namespace"), Name: text(c, "cluster-name")}
	if err := kube.Get(c.Context(), key, cluster); err != nil {
		return fmt.Errorf("the Cluster %s: %w", key, err)
	}
	target, err := annotated(cluster)
	if err != nil {
		return fmt.Errorf("the Cluster %s has %w", key, err)
	}
	what := fmt.Sprintf("%s %s/%s", target.GetKind(), key.Namespace, target.GetName())
	if err := kube.Get(c.Context(), client.ObjectKeyFromObject(target), target); err != nil {
		return fmt.Errorf("the %s: %w", what, err)
	}
	before := client.MergeFrom(target.DeepCopy())
	annotations := target.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[name] = value
	if value == "" {
		delete(annotations, name)
	}
	target.SetAnnotations(annotations)
	if err := kube.Patch(c.Context(), target, before); err != nil {
		return err
	}
	said := "has no annotation " + name
	if value != "" {
		said = "is annotated " + name + "=" + value
	}
	_, err = fmt.Fprintf(c.OutOrStdout(), "%s %s\n", what, said)
	return err
}

// annotated is the object whose annotations the deletion of a Cluster reads: its kind and name, to be read.
func annotated(cluster *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	field := "infrastructureRef"
	kind, name := reference(cluster, field)
	if kind == gcElsewhere {
		field = "controlPlaneRef"
		kind, name = reference(cluster, field)
	}
	if kind.Kind == "" {
		return nil, fmt.Errorf("no %s yet", field)
	}
	i := slices.IndexFunc(gcKinds, func(ours schema.GroupVersionKind) bool { return ours.GroupKind() == kind })
	if i < 0 { // who may write a Cluster chooses it
		return nil, fmt.Errorf("nothing of ours: its %s names the kind %s of %s; ours are AWSCluster, and with EKS AWSManagedControlPlane", field, kind.Kind, kind.Group)
	}
	out := object(gcKinds[i])
	out.SetNamespace(cluster.GetNamespace())
	out.SetName(name)
	return out, nil
}

// reference is what a field of a Cluster's spec refers to. Contracts have a group in it, or the older ones a version.
func reference(cluster *unstructured.Unstructured, field string) (kind schema.GroupKind, name string) {
	ref, _, _ := unstructured.NestedStringMap(cluster.Object, "spec", field)
	older := schema.FromAPIVersionAndKind(ref["apiVersion"], ref["kind"])
	return schema.GroupKind{Group: cmp.Or(ref["apiGroup"], older.Group), Kind: ref["kind"]}, ref["name"]
}
