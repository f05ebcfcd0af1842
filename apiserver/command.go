package apiserver

import (
	"context"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	cliflag "k8s.io/component-base/cli/flag"
	"k8s.io/component-base/featuregate"
	"k8s.io/component-base/logs"
	logsapi "k8s.io/component-base/logs/api/v1"
	_ "k8s.io/component-base/logs/json/register" // --logging-format=json
	"k8s.io/component-base/version/verflag"
)

const longHelp = `capa-apiserver serves the Cluster API kinds for AWS (AWSCluster and its
relatives) as an aggregated API of a management cluster, shows in them what AWS
has, and makes AWS match them.

It needs a kubeconfig of the management cluster (or runs in a pod there), and
credentials for AWS in the places where every AWS tool looks: AWS_* variables, a
shared credentials file, or a role of the instance or service account.
AWS_ENDPOINT_URL points it at another endpoint than AWS's own.

One replica keeps its data in an etcd of its own below --data-dir. For more
replicas, give all of them the same --etcd-servers and --leader-elect.`

const example = `  # outside the cluster, for development
  capa-apiserver --kubeconfig=admin.kubeconfig --secure-port=8443 --bind-address=127.0.0.1 \
    --data-dir=./data --service-external-name=localhost --service-port=8443 \
    --webhook-bind-address=127.0.0.1 --webhook-url=https://127.0.0.1:9443

  # three replicas in the cluster
  capa-apiserver --etcd-servers=https://etcd:2379 --etcd-cafile=ca.crt \
    --etcd-certfile=client.crt --etcd-keyfile=client.key --leader-elect`

// NewCommand makes the command that runs the server until ctx ends. It serves all kinds,
// and those of further rows.
func NewCommand(ctx context.Context, more ...Row) *cobra.Command {
	useFeatures() // options are made by them
	o := NewOptions(NewTable(append(Kinds(), more...)...))
	logOptions := logs.NewOptions()
	cmd := &cobra.Command{
		Use:          "capa-apiserver",
		Short:        "Serve Cluster API kinds for AWS as an aggregated API",
		Long:         longHelp,
		Example:      example,
		Args:         cobra.NoArgs,
		SilenceUsage: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			verflag.PrintAndExitIfRequested()
			if err := logsapi.ValidateAndApply(logOptions, utilfeature.DefaultFeatureGate); err != nil {
				return err
			}
			return Run(cmd.Context(), o)
		},
	}
	cmd.SetContext(ctx)
	utilruntime.Must(logsapi.AddFeatureGates(utilfeature.DefaultMutableFeatureGate))
	var sets cliflag.NamedFlagSets
	o.AddFlags(sets.FlagSet("server"))
	utilfeature.DefaultMutableFeatureGate.AddFlag(sets.FlagSet("features"))
	logsapi.AddFlags(logOptions, sets.FlagSet("logs"))
	verflag.AddFlags(sets.FlagSet("global"))
	for _, fs := range sets.FlagSets {
		cmd.Flags().AddFlagSet(fs)
	}
	cmd.AddCommand(newSnapshotCommand())
	return cmd
}

// useFeatures takes the features of the libraries' version. That one was asked for before is no news: a package of theirs does so when
// the program begins, for a metric.
func useFeatures() {
	version, gate := libraryVersion(), utilfeature.DefaultMutableFeatureGate
	quiet, ok := gate.(featuregate.MutableVersionedFeatureGateWithLogger)
	if !ok {
		utilruntime.Must(gate.SetEmulationVersionAndMinCompatibilityVersion(version.EmulationVersion(), version.MinCompatibilityVersion()))
		return
	}
	utilruntime.Must(quiet.SetEmulationVersionAndMinCompatibilityVersionWithLogger(logr.Discard(), version.EmulationVersion(), version.MinCompatibilityVersion()))
}

// Run serves with the options until ctx ends.
func Run(ctx context.Context, o *Options) error {
	collectRarely()
	o.Complete()
	if err := o.Validate(); err != nil {
		return err
	}
	config, err := NewConfig(ctx, o)
	if err != nil {
		return err
	}
	server, err := config.Complete().New()
	if err != nil {
		config.Extra.stop()
		return err
	}
	return server.Run(ctx)
}
