// Command devcluster runs a local management cluster for capa-apiserver.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/capa-apiserver/capa-apiserver/hack/devcluster"
	"github.com/capa-apiserver/capa-apiserver/hack/devcluster/build"
)

const long = `devcluster runs a management cluster as plain processes on this machine: no containers, no virtual machines, no root.

  devcluster up      builds what is missing, starts it, and prints what to try next
  devcluster status  shows what is running
  devcluster down    stops exactly what up started

Everything a cluster owns lies in one folder (--dir, by default _run in the repository): kubeconfig, aws.env, logs/,
pki/, data/ and state.json. Clusters in different folders run beside each other. All servers listen on 127.0.0.1 on
ports that were free, but for the webhook servers of Cluster API, which have no flag for their address.

Environment:
  KUBECONFIG          an existing cluster with Cluster API, to be used instead of starting a control plane
  KUBEBUILDER_ASSETS  a folder of prebuilt etcd, kube-apiserver, kube-controller-manager and kubectl
  AWS_ENDPOINT_URL    a stand-in for AWS to be used instead of the emulator (as --aws-endpoint-url); the URL of the cluster's own
                      emulator, as its aws.env has it, changes nothing`

// errUnhealthy ends "status" with a failure that needs no words of its own.
var errUnhealthy = errors.New("not everything is running")

func main() {
	os.Exit(run())
}

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := newCommand().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "devcluster:", err)
		return 1
	}
	return 0
}

func newCommand() *cobra.Command {
	root := &cobra.Command{Use: "devcluster", Short: "A local management cluster for capa-apiserver", Long: long, SilenceUsage: true, SilenceErrors: true}
	var repo, dir, bin string
	flags := root.PersistentFlags()
	flags.StringVar(&repo, "repo", "", "root of the repository (default: found upwards from the current folder)")
	flags.StringVar(&dir, "dir", "", "folder of the cluster (default REPO/_run)")
	flags.StringVar(&bin, "bin", "", "folder of the binaries, which clusters can share (default REPO/_run/bin)")
	root.PersistentPreRunE = func(*cobra.Command, []string) error {
		if repo == "" {
			found, err := devcluster.FindRepository(".")
			if err != nil {
				return err
			}
			repo = found
		}
		if dir == "" {
			dir = filepath.Join(repo, "_run")
		}
		if bin == "" {
			bin = filepath.Join(repo, "_run", "bin")
		}
		return makeAbsolute(&repo, &dir, &bin)
	}
	root.AddCommand(upCommand(&repo, &dir, &bin), buildCommand(&repo, &bin),
		&cobra.Command{Use: "down", Short: "Stop exactly what up started, and remove all but logs and binaries", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				return devcluster.Down(cmd.Context(), dir, os.Stderr)
			}},
		&cobra.Command{Use: "status", Short: "Show what is running; fails if something that was started is not", Args: cobra.NoArgs,
			RunE: func(*cobra.Command, []string) error {
				healthy, err := devcluster.Status(dir, os.Stdout)
				if err == nil && !healthy {
					return errUnhealthy
				}
				return err
			}})
	return root
}

func makeAbsolute(paths ...*string) error {
	for _, path := range paths {
		absolute, err := filepath.Abs(*path)
		if err != nil {
			return err
		}
		*path = absolute
	}
	return nil
}

func buildCommand(repo, bin *string) *cobra.Command {
	return &cobra.Command{
		Use:   "build",
		Short: "Build all binaries that are missing or out of date",
		Long: `Build the control plane, Cluster API and its tools from the versions in hack/go.mod, and capa-apiserver and the AWS emulator
from the repository. The first build compiles Kubernetes and takes 10 to 20 minutes on two cores; afterwards Go's cache
and the stamps in the folder make it a matter of a second.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return build.Run(cmd.Context(), build.Options{Repo: *repo, Bin: *bin, Assets: os.Getenv("KUBEBUILDER_ASSETS"), Out: os.Stderr})
		},
	}
}

func upCommand(repo, dir, bin *string) *cobra.Command {
	var opts devcluster.Options
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Build and start what is missing of the cluster",
		Long: `Build and start what is missing of the cluster. Running it again is quick: it leaves alone what runs as it should, restarts what
died, and restarts what was built anew or is to have other arguments.

Components: ` + devcluster.Selectable() + `.`,
		Example: `  devcluster up                                    everything
  devcluster up --without kubeadm                 v1beta2 of all groups is this server's, as for EKS alone
  devcluster up --without capa --dir ~/c1         only Kubernetes and Cluster API, in a folder of its own
  devcluster up --only kube-apiserver --json       etcd and kube-apiserver; JSON for a program
  devcluster up --aws-endpoint-url http://127.0.0.1:4566`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			opts.Repo, opts.Dir, opts.Bin = *repo, *dir, *bin
			opts.Kubeconfig, opts.Assets, opts.Out = os.Getenv("KUBECONFIG"), os.Getenv("KUBEBUILDER_ASSETS"), os.Stderr
			cluster, err := devcluster.Up(cmd.Context(), opts)
			if err != nil {
				return err
			}
			if asJSON {
				encoder := json.NewEncoder(os.Stdout)
				encoder.SetIndent("", "  ")
				return encoder.Encode(cluster)
			}
			fmt.Print(cluster.Advice())
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&opts.Only, "only", nil, "start only these components and what they need")
	flags.StringSliceVar(&opts.Without, "without", nil, "leave out these components and what needs them")
	flags.StringVar(&opts.AWSEndpointURL, "aws-endpoint-url", os.Getenv("AWS_ENDPOINT_URL"), "stand-in for AWS to use instead of the emulator")
	flags.StringVar(&opts.HTTPSProxy, "https-proxy", "", "URL of a proxy through which Cluster API's managers reach workload clusters")
	flags.IntVar(&opts.DebugPort, "debug-port", 0, "port on loopback where Delve, running capa-apiserver, waits for debuggers; 0 runs it without one")
	flags.BoolVar(&opts.Fsync, "fsync", false, "etcd answers a write when it is on the disk, as that of a real cluster does: slower, for measuring")
	flags.BoolVar(&opts.SkipBuild, "skip-build", false, "take the binaries as they are; only a missing standin-dns is built, if it is needed")
	flags.BoolVar(&asJSON, "json", false, "print the cluster's addresses, files and pids as JSON")
	return cmd
}
