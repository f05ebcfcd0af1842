package etcd

import (
	"context"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
)

func TestDataOutlivesTheServer(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	first := start(t, ctx, dir)
	if _, err := connect(t, first).Put(ctx, "/key", "value"); err != nil {
		t.Fatal(err)
	}
	first.Stop()

	second := start(t, ctx, dir)
	defer second.Stop()
	got, err := connect(t, second).Get(ctx, "/key")
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Kvs) != 1 || string(got.Kvs[0].Value) != "value" {
		t.Errorf("after a restart the key holds %v, want one value", got.Kvs)
	}
}

func TestUnusableDataDirIsNamed(t *testing.T) {
	if _, err := Start(context.Background(), "/dev/null/data"); err == nil {
		t.Error("a data directory that can't be made was accepted")
	}
}

func start(t *testing.T, ctx context.Context, dir string) *Server {
	t.Helper()
	s, err := Start(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func connect(t *testing.T, s *Server) *clientv3.Client {
	t.Helper()
	c, err := clientv3.New(clientv3.Config{Endpoints: []string{s.Endpoint()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}
