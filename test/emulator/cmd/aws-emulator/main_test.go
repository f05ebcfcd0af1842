package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
)

// start runs the command until the test ends and returns its output up to the ready line.
func start(t *testing.T, args ...string) (output string, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	reader, writer := io.Pipe()
	c := command()
	c.SetArgs(args)
	c.SetOut(writer)
	done := make(chan error, 1)
	go func() {
		err := c.ExecuteContext(ctx)
		_ = writer.CloseWithError(io.EOF)
		done <- err
	}()
	var text bytes.Buffer
	line := make([]byte, 4096)
	for !strings.Contains(text.String(), "ready on") {
		n, err := reader.Read(line)
		text.Write(line[:n])
		if err != nil {
			cancel()
			t.Fatalf("ended with %v after %q", <-done, text.String())
		}
	}
	return text.String(), func() error { cancel(); return <-done }
}

func TestEnvironmentFileIsAllAnSDKNeeds(t *testing.T) {
	file := filepath.Join(t.TempDir(), "aws.env")
	output, stop := start(t, "--listen", "127.0.0.1:0", "--dns-listen", "127.0.0.1:0", "--env-file", file, "--region", "eu-west-1")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		name, value, _ := strings.Cut(line, "=")
		t.Setenv(name, value)
	}
	sdk, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ec2.NewFromConfig(sdk).DescribeVpcs(context.Background(), &ec2.DescribeVpcsInput{}); err != nil {
		t.Errorf("the SDK with %s: %v", text, err)
	}
	if sdk.Region != "eu-west-1" || !strings.Contains(output, "DNS on 127.0.0.1:") {
		t.Errorf("region %s, output %q", sdk.Region, output)
	}
	if err := stop(); err != nil {
		t.Errorf("stopped with %v", err)
	}
}

func TestMistakesNameTheirFlag(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	for _, test := range []struct {
		args []string
		says string
	}{
		{[]string{"--listen", taken.Addr().String()}, "--listen 127.0.0.1:0 takes a free port"},
		{[]string{"--listen", "127.0.0.1:0", "--dns-listen", taken.Addr().String()}, "--dns-listen 127.0.0.1:0 takes a free port"},
		{[]string{"--rate-factor", "0"}, "--rate-factor is 0; it must be above 0"},
		{[]string{"--listen", "127.0.0.1:0", "--env-file", "/nonexistent/aws.env"}, "--env-file"},
		{[]string{"--natgateway-delay", "3s"}, "--natgateway-delay"},
	} {
		c := command()
		c.SetArgs(test.args)
		c.SetOut(io.Discard)
		if err := c.ExecuteContext(context.Background()); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%v: %v, want it to say %q", test.args, err, test.says)
		}
	}
}
