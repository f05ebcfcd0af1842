// Command aws-emulator serves the emulated AWS on its own.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

func main() {
	// The process ends with the context, so nothing is left to stop.
	ctx, _ := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	if err := command().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "aws-emulator:", err)
		os.Exit(1)
	}
}

const long = `aws-emulator is AWS in one process, for tests and for trying things out: EC2 networking and instances, Auto
Scaling, classic and v2 load balancers, Secrets Manager, Parameter Store, S3, SQS, EventBridge and STS, over HTTP in AWS's own wire protocols. Nothing is kept on disk.

AWS SDKs and tools find it through AWS_ENDPOINT_URL. In one terminal:

  aws-emulator --env-file aws.env

and in another:

  set -a; . ./aws.env; set +a
  aws ec2 create-vpc --cidr-block 10.0.0.0/16

Signatures are not checked. The access key decides the account: by --account KEY=ACCOUNT, else 123456789012.
The region is the one the request is signed for.

While it runs, its control endpoint takes JSON:

  curl  http://127.0.0.1:4566/_emulator/resources            everything that exists
  curl  http://127.0.0.1:4566/_emulator/log                  every request so far; DELETE empties it
  curl  http://127.0.0.1:4566/_emulator/counts               requests per operation; DELETE starts anew
  curl  http://127.0.0.1:4566/_emulator/config               the settings below and more; PUT changes single ones
  curl -X PUT  http://127.0.0.1:4566/_emulator/faults -d '{"operation":"CreateVpc","code":"VpcLimitExceeded","count":2}'
  curl -X PUT  http://127.0.0.1:4566/_emulator/config -d '{"outage":"503"}'
  curl -X POST http://127.0.0.1:4566/_emulator/reset         forget everything

test/emulator/README.md says what is emulated, and all that faults and settings can do.`

// flags are the command line.
type flags struct {
	listen, dnsListen, envFile, region string
	accounts                           map[string]string
	config                             emulator.Config
}

func command() *cobra.Command {
	f := flags{config: emulator.DefaultConfig()}
	c := &cobra.Command{
		Use: "aws-emulator", Short: "AWS in one process", Long: long, Args: cobra.NoArgs, SilenceUsage: true, SilenceErrors: true,
		RunE: func(c *cobra.Command, _ []string) error { return f.run(c.Context(), c) },
	}
	set := c.Flags()
	set.StringVar(&f.listen, "listen", "127.0.0.1:4566", "address of the AWS endpoint; port 0 takes a free one")
	set.StringVar(&f.dnsListen, "dns-listen", "", "address of a DNS server (UDP and TCP) that knows the names of load balancers, for example 127.0.0.1:5353; empty for none")
	set.StringVar(&f.envFile, "env-file", "", "file to write AWS_ENDPOINT_URL, region and credentials to, as shell assignments")
	set.StringVar(&f.region, "region", "us-east-1", "region written to --env-file; every region works")
	set.StringToStringVar(&f.accounts, "account", nil, "access keys and the accounts they belong to, for example AKIAOTHER=210987654321")
	set.BoolVar(&f.config.RateLimits, "rate-limits", false, "throttle EC2 actions as AWS does, per account and region")
	set.Float64Var(&f.config.RateFactor, "rate-factor", f.config.RateFactor, "multiplies the token buckets of --rate-limits")
	set.DurationVar(&f.config.HideNewFor, "hide-new-for", 0, "how long describes don't know a new resource yet (eventual consistency)")
	set.BoolVar(&f.config.HideNewFromWrites, "hide-new-from-writes", false, "let mutations that name a hidden id fail too")
	set.DurationVar(&f.config.NATGatewayDelay, "nat-gateway-delay", f.config.NATGatewayDelay, "how long a NAT gateway is pending")
	set.DurationVar(&f.config.LoadBalancerDelay, "load-balancer-delay", f.config.LoadBalancerDelay, "how long a v2 load balancer is provisioning")
	set.DurationVar(&f.config.InstanceDelay, "instance-delay", f.config.InstanceDelay, "how long an instance is pending")
	set.DurationVar(&f.config.TerminationDelay, "termination-delay", f.config.TerminationDelay, "how long an instance is shutting down")
	set.DurationVar(&f.config.AutoScalingDelay, "auto-scaling-delay", f.config.AutoScalingDelay, "time between the steps of an Auto Scaling group")
	set.DurationVar(&f.config.DeletionDelay, "deletion-delay", f.config.DeletionDelay, "how long deletions take that aren't immediate")
	set.IntVar(&f.config.MaxPageSize, "max-page-size", 0, "most entries of one answer; 0 for AWS's own maximum")
	set.StringVar(&f.config.DNSAddress, "dns-address", "", "IPv4 address that the DNS server gives for every load balancer, instead of its own")
	return c
}

func (f *flags) run(ctx context.Context, c *cobra.Command) error {
	if f.config.RateFactor <= 0 {
		return fmt.Errorf("--rate-factor is %v; it must be above 0, for example 0.5", f.config.RateFactor)
	}
	f.config.AccessKeys = f.accounts
	aws := emulator.New(emulator.Options{Config: &f.config})
	url, stop, err := aws.Start(f.listen)
	if err != nil {
		return fmt.Errorf("--listen %s: %w; is another emulator running there? --listen 127.0.0.1:0 takes a free port", f.listen, err)
	}
	defer stop()
	if f.dnsListen != "" {
		address, stopDNS, err := aws.StartDNS(f.dnsListen)
		if err != nil {
			return fmt.Errorf("--dns-listen %s: %w; --dns-listen 127.0.0.1:0 takes a free port", f.dnsListen, err)
		}
		defer stopDNS()
		_, _ = fmt.Fprintf(c.OutOrStdout(), "aws-emulator: DNS on %s\n", address)
	}
	if f.envFile != "" {
		if err := os.WriteFile(f.envFile, []byte(environment(url, f.region)), 0o600); err != nil {
			return fmt.Errorf("--env-file: %w", err)
		}
	}
	_, _ = fmt.Fprintf(c.OutOrStdout(), "aws-emulator: ready on %s\n", url)
	<-ctx.Done()
	return nil
}

// environment is what an AWS SDK or tool needs to find the emulator, and nothing else.
func environment(url, region string) string {
	return fmt.Sprintf("AWS_ENDPOINT_URL=%s\nAWS_REGION=%s\nAWS_DEFAULT_REGION=%s\nAWS_ACCESS_KEY_ID=AKIAEMULATOR00000000\n"+
		"AWS_SECRET_ACCESS_KEY=emulator\nAWS_EC2_METADATA_DISABLED=true\n", url, region, region)
}
