package emulator_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// cloud is an emulator on a fake clock, and the SDK's way to it.
type cloud struct {
	*emulator.Emulator
	t     *testing.T
	url   string
	clock *emulator.FakeClock
}

func newCloud(t *testing.T, change ...func(*emulator.Config)) *cloud {
	t.Helper()
	config := emulator.DefaultConfig()
	for _, f := range change {
		f(&config)
	}
	clock := emulator.NewFakeClock(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	e := emulator.New(emulator.Options{Config: &config, Clock: clock, Seed: 1})
	url, stop, err := e.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return &cloud{Emulator: e, t: t, url: url, clock: clock}
}

// config is an SDK configuration for an access key and region, without retries: tests want to see every answer.
func (c *cloud) config(accessKey, region string) aws.Config {
	return aws.Config{
		Region: region, BaseEndpoint: aws.String(c.url), RetryMaxAttempts: 1, HTTPClient: emulator.HTTPClient{},
		Credentials: credentials.NewStaticCredentialsProvider(accessKey, "secret", ""),
	}
}

func (c *cloud) ec2() *ec2.Client { return ec2.NewFromConfig(c.config("AKIATEST", "us-east-1")) }

func (c *cloud) elb() *elb.Client { return elb.NewFromConfig(c.config("AKIATEST", "us-east-1")) }

func (c *cloud) elbv2() *elbv2.Client { return elbv2.NewFromConfig(c.config("AKIATEST", "us-east-1")) }

func (c *cloud) sts() *sts.Client { return sts.NewFromConfig(c.config("AKIATEST", "us-east-1")) }

// must fails the test on an error.
func must[T any](t *testing.T) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// wantCode fails the test unless err is AWS's error of that code; "" wants success.
func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	var api smithy.APIError
	switch {
	case code == "" && err != nil:
		t.Fatalf("want success, got %v", err)
	case code == "":
	case !errors.As(err, &api):
		t.Fatalf("want error code %s, got %v", code, err)
	case api.ErrorCode() != code:
		t.Fatalf("want error code %s, got %s: %s", code, api.ErrorCode(), api.ErrorMessage())
	}
}

var ctx = context.Background()
