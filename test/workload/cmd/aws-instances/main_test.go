package main

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
)

func TestMistakesSayWhatToSet(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	for _, test := range []struct {
		endpoint, region string
		args             []string
		says             string
	}{
		{"", "us-east-1", nil, "AWS_ENDPOINT_URL is not set"},
		{"http://127.0.0.1:1", "", nil, "AWS_REGION is not set"},
		{"http://127.0.0.1:1", "us-east-1", []string{"--listen", taken.Addr().String()}, "--listen 127.0.0.1:0 takes a free port"},
	} {
		t.Setenv("AWS_CONFIG_FILE", "/nonexistent")
		t.Setenv("AWS_DEFAULT_REGION", "")
		t.Setenv("AWS_ENDPOINT_URL", test.endpoint)
		t.Setenv("AWS_REGION", test.region)
		c := command()
		c.SetArgs(test.args)
		c.SetOut(io.Discard)
		if err := c.ExecuteContext(context.Background()); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%v: %v, want it to say %q", test, err, test.says)
		}
	}
}
