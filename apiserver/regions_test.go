package apiserver

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"k8s.io/utils/clock"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

func TestRegionsAreAskedForWhenSomebodyWantsToKnowAndHoldOnToNothing(t *testing.T) {
	e := emulator.New(emulator.Options{Seed: 1})
	url, stop, err := e.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	cfg := aws.Config{BaseEndpoint: aws.String(url), Credentials: credentials.NewStaticCredentialsProvider("AKIATEST", "secret", "")}
	scope := cloud.Scope{Account: emulator.DefaultAccount, Region: "us-east-1"}
	session := cloud.NewSession(cfg, cloud.NewLimiter(clock.RealClock{}, nil), scope, "aws", "controller")
	m := mirror.New(mirror.Options{})
	r := newRegions(m, nil)

	if known, ok := r.Known(t.Context(), nil, ""); ok || len(known) > 0 || e.Counts()["ec2.DescribeRegions"] != 0 {
		t.Errorf("known without any account: %v", known)
	}
	m.Want("cluster", session)
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		known, ok := r.Known(t.Context(), nil, "")
		if _, there := known["us-east-1"]; ok && there {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("never known: %v", known)
		}
	}
	for range 10 {
		r.Known(t.Context(), nil, "")
	}
	if n := e.Counts()["ec2.DescribeRegions"]; n != 1 {
		t.Errorf("%d calls within a minute, want one", n)
	}
	m.LetGo("cluster")
	m.LetGo("regions/" + scope.String())
	if sessions := m.Sessions(scope); len(sessions) > 0 {
		t.Errorf("sessions %v are held for nobody", sessions)
	}
	if known, ok := r.Known(t.Context(), nil, ""); !ok || len(known) == 0 {
		t.Error("forgotten with the last object")
	}
}
