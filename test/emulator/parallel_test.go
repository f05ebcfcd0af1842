package emulator_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// TestParallelClientsMissNothing lets clients of two accounts work at once while faults and settings change under them.
func TestParallelClientsMissNothing(t *testing.T) {
	c := newCloud(t, func(c *emulator.Config) { c.AccessKeys = map[string]string{"AKIAOTHER": "210987654321"} })
	var clients sync.WaitGroup
	failures := make(chan error, 100)
	for i := range 10 {
		clients.Go(func() {
			client := ec2.NewFromConfig(c.config([]string{"AKIATEST", "AKIAOTHER"}[i%2], "us-east-1"))
			for j := range 10 {
				vpc, err := client.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String(fmt.Sprintf("10.%d.0.0/16", i*10+j)),
					TagSpecifications: tagged(types.ResourceTypeVpc, "n", fmt.Sprint(i, j))})
				if err == nil {
					_, err = client.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{VpcIds: []string{*vpc.Vpc.VpcId}})
				}
				if err != nil {
					failures <- err
				}
			}
		})
	}
	for range 50 {
		c.Faults().Remove(c.Faults().Set(emulator.Fault{Operation: "DeleteVpc", Code: "Unlucky"}))
		c.Configure(func(c *emulator.Config) { c.Quotas["vpcs"] = 1000 })
		c.Resources("", "")
		c.Log()
		c.Counts()
	}
	clients.Wait()
	close(failures)
	for err := range failures {
		t.Error(err)
	}
	if n := c.Counts()["ec2.CreateVpc"]; n != 100 || len(c.Resources("210987654321", "")) != 50 || len(c.Resources(emulator.DefaultAccount, "")) != 50 {
		t.Errorf("%d creations, %d resources; want 100 creations, 50 in each account", n, len(c.Resources("", "")))
	}
}

// The SDK's transport dials for each request that has to wait, and uses the connection much later if another one was free first.
func TestConnectionOpenedInAdvanceIsAnsweredLater(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	connection := must[net.Conn](t)(net.Dial("tcp", strings.TrimPrefix(c.url, "http://")))
	defer func() { _ = connection.Close() }()
	time.Sleep(11 * time.Second) // servers commonly give up after ten
	if _, err := fmt.Fprintf(connection, "GET /_emulator/healthz HTTP/1.1\r\nHost: emulator\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	answer := must[*http.Response](t)(http.ReadResponse(bufio.NewReader(connection), nil))
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		t.Errorf("status %s", answer.Status)
	}
}

// TestEveryRequestUnderLoadIsSeenAndAnswered sends in bursts, so that connections are opened in advance, left idle and closed.
func TestEveryRequestUnderLoadIsSeenAndAnswered(t *testing.T) {
	c := newCloud(t)
	client, failures := c.ec2(), make(chan error, 1000)
	for range 10 {
		var burst sync.WaitGroup
		for range 40 {
			burst.Go(func() {
				if _, err := client.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{}); err != nil {
					failures <- err
				}
			})
		}
		burst.Wait()
		time.Sleep(50 * time.Millisecond)
	}
	close(failures)
	for err := range failures {
		t.Error(err)
	}
	if n := c.Counts()["ec2.DescribeVpcs"]; n != 400 {
		t.Errorf("%d requests seen, want 400", n)
	}
}
