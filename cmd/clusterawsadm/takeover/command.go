package takeover

import (
	"time"

	"github.com/spf13/cobra"
	"k8s.io/client-go/tools/clientcmd"
)

const help = `Take a management cluster over from Cluster API Provider AWS (CAPA), where it stands.

capa-apiserver has to run beside CAPA already: it leaves CAPA's objects alone. Without
--yes the command only checks and says what it would do. With it,

  1. the Clusters are paused, and it is remembered which were not before;
  2. CAPA's Deployments are scaled to 0, nobody but you may change its objects any more,
     and its webhooks are put away;
  3. every object of CAPA's kinds is copied into the server, with its UID, status and
     times;
  4. the server serves them, CAPA's CRDs serve nothing any more and keep what they have;
  5. the Clusters are unpaused.

Nothing in AWS is written. Whatever interrupts it: run it again, and it goes on. What
has been done is in the ConfigMap capa-takeover of the server's namespace.

--rollback gives everything back to CAPA, with what has changed since. Objects that
were made since get another UID then; owner references to them follow.`

const example = `  # what would be done, and what can't be
  clusterawsadm takeover

  # do it
  clusterawsadm takeover --yes

  # back to CAPA
  clusterawsadm takeover --rollback --yes`

// NewCommand makes the command.
func NewCommand() *cobra.Command {
	var o Options
	var kubeconfig, kubeContext string
	c := &cobra.Command{
		Use: "takeover", Short: "Take a management cluster over from CAPA, where it stands", Long: help, Example: example,
		Args: cobra.NoArgs, SilenceUsage: true,
		RunE: func(c *cobra.Command, _ []string) error {
			rules := clientcmd.NewDefaultClientConfigLoadingRules()
			rules.ExplicitPath = kubeconfig
			var err error
			o.Config, err = clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: kubeContext}).ClientConfig()
			if err != nil {
				return err
			}
			o.Out = c.OutOrStdout()
			return Run(c.Context(), o)
		},
	}
	c.Flags().StringVar(&kubeconfig, "kubeconfig", "", "the management cluster's kubeconfig; by default KUBECONFIG, or ~/.kube/config")
	c.Flags().StringVar(&kubeContext, "context", "", "the kubeconfig's context to use; by default its current one")
	c.Flags().StringVar(&o.Namespace, "namespace", "capa-system", "the namespace of capa-apiserver")
	c.Flags().BoolVar(&o.Do, "yes", false, "do it; otherwise it is only checked and told what would be done")
	c.Flags().BoolVar(&o.Rollback, "rollback", false, "give everything back to CAPA")
	c.Flags().BoolVar(&o.AnotherStore, "another-store", false, "go on although the server's store isn't the one that the objects were copied into, or has none of them: only if it was moved, or restored from a snapshot that was saved after the takeover, or all of them were deleted since")
	c.Flags().DurationVar(&o.Patience, "timeout", 5*time.Minute, "how long each thing may take that is waited for")
	c.Flags().DurationVar(&o.Settle, "settle", 15*time.Second, "how long Cluster API may take to learn that CRDs' labels have changed, and every kube-apiserver that a policy or a CRD has")
	return c
}
