package cli

import (
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

// gcKinds are those that a Cluster stands on in AWS.
var gcKinds = []string{"AWSCluster", "AWSManagedCluster", "AWSManagedControlPlane"}

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
	c := command(use, short, short+`: sets the annotation `+gcAnnotation+` of its infrastructure cluster to `+value+`.`, `
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

// annotate sets an annotation of a Cluster's infrastructure cluster, or takes it away.
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
	ref, _, _ := unstructured.NestedStringMap(cluster.Object, "spec", "infrastructureRef")
	if ref["kind"] == "" {
		return fmt.Errorf("the Cluster %s has no infrastructureRef yet", key)
	}
	if !slices.Contains(gcKinds, ref["kind"]) { // who may write a Cluster chooses it
		return fmt.Errorf("the Cluster %s has nothing of ours: its infrastructureRef names the kind %s, which is none of %s", key, ref["kind"], strings.Join(gcKinds, ", "))
	}
	infra := object(schema.GroupVersionKind{Group: ref["apiGroup"], Version: "v1beta2", Kind: ref["kind"]})
	if ref["apiGroup"] != "infrastructure.cluster.x-k8s.io" {
		infra = object(schema.GroupVersionKind{Group: ref["apiGroup"], Version: "v2beta1", Kind: ref["kind"]})
	}
	if err := kube.Get(c.Context(), client.ObjectKey{Namespace: key.Namespace, Name: ref["name"]}, infra); err != nil {
		return fmt.Errorf("the %s %s/%s: %w", ref["kind"], key.Namespace, ref["name"], err)
	}
	before := client.MergeFrom(infra.DeepCopy())
	annotations := infra.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[name] = value
	if value == "" {
		delete(annotations, name)
	}
	infra.SetAnnotations(annotations)
	if err := kube.Patch(c.Context(), infra, before); err != nil {
		return err
	}
	said := "has no annotation " + name
	if value != "" {
		said = "is annotated " + name + "=" + value
	}
	_, err = fmt.Fprintf(c.OutOrStdout(), "%s %s/%s %s\n", ref["kind"], key.Namespace, ref["name"], said)
	return err
}
