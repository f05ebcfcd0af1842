// Command aws-instances stands in for what runs on the instances of an emulated AWS.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/spf13/cobra"

	"github.com/capa-apiserver/capa-apiserver/test/emulator"
	"github.com/capa-apiserver/capa-apiserver/test/workload"
)

func main() {
	// The process ends with the context, so nothing is left to stop.
	ctx, _ := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	if err := command().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "aws-instances:", err)
		os.Exit(1)
	}
}

const long = `aws-instances is what runs on the instances of an emulated AWS: it boots them with their bootstrap data, which makes or joins
clusters as kubeadm does, and runs the control planes of EKS clusters. Nothing is executed: API servers and etcd are Cluster API's
in-memory ones, and all that they hold is lost when the process ends.

It finds the aws-emulator through AWS_ENDPOINT_URL, and follows the instances of the account of its AWS_* variables in the regions of
--region.

The names of load balancers lead nowhere outside of AWS. Programs reach the clusters through the proxy at --listen: with HTTPS_PROXY, or
with "proxy-url" in a kubeconfig.`

func command() *cobra.Command {
	var listen string
	var regions []string
	c := &cobra.Command{
		Use: "aws-instances", Short: "What runs on the instances of an emulated AWS", Long: long, Args: cobra.NoArgs, SilenceUsage: true, SilenceErrors: true,
		RunE: func(c *cobra.Command, _ []string) error { return run(c.Context(), c, listen, regions) },
	}
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:0", "address of the HTTPS proxy that leads to the clusters; port 0 takes a free one")
	c.Flags().StringSliceVar(&regions, "region", nil, "regions of the instances (default AWS_REGION)")
	return c
}

func run(ctx context.Context, c *cobra.Command, listen string, regions []string) error {
	aws, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	// Not as an option: with AWS_CA_BUNDLE set, the SDK takes none but its own.
	aws.HTTPClient = emulator.HTTPClient{}
	if aws.BaseEndpoint == nil {
		return errors.New("AWS_ENDPOINT_URL is not set: the instances of AWS itself run by themselves; set it to the URL of an aws-emulator")
	}
	if len(regions) == 0 && aws.Region == "" {
		return errors.New("AWS_REGION is not set: set it to the region of the instances, for example us-east-1, or give --region")
	}
	if len(regions) == 0 {
		regions = []string{aws.Region}
	}
	proxy, err := workload.NewProxy(listen)
	if err != nil {
		return fmt.Errorf("--listen %s: %w; --listen 127.0.0.1:0 takes a free port", listen, err)
	}
	defer proxy.Stop()
	for _, region := range regions {
		there := aws.Copy()
		there.Region = region
		workload.Start(ctx, there, proxy)
	}
	_, _ = fmt.Fprintf(c.OutOrStdout(), "aws-instances: ready, with the proxy on %s\n", proxy.URL)
	<-ctx.Done()
	return nil
}
