package etcd

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

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
	if _, err := Start(context.Background(), Options{Dir: "/dev/null/data"}); err == nil {
		t.Error("a data directory that can't be made was accepted")
	}
}

func start(t *testing.T, ctx context.Context, dir string) *Server {
	t.Helper()
	s, err := Start(ctx, Options{Dir: dir})
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

// What is written within the process is what others read, and the other way round; a watch tells of it, and how far it has
// got when asked; and the end of the server is an answer.
func TestAClientInTheProcessReachesTheSameStore(t *testing.T) {
	s := start(t, context.Background(), filepath.Join(t.TempDir(), "data"))
	here, err := s.Client()
	if err != nil {
		t.Fatal(err)
	}
	defer here.Close()
	there := connect(t, s)
	ctx := clientv3.WithRequireLeader(t.Context())
	events := here.Watch(ctx, "/", clientv3.WithPrefix(), clientv3.WithCreatedNotify())
	if first := <-events; !first.Created {
		t.Fatalf("the watch begins with %+v", first)
	}
	revision := int64(0)
	for key, clients := range map[string][2]*clientv3.Client{"/here": {here.Client, there}, "/there": {there, here.Client}} {
		if _, err := clients[0].Put(ctx, key, "v"); err != nil {
			t.Fatal(err)
		}
		got, err := clients[1].Get(ctx, key)
		if err != nil || len(got.Kvs) != 1 {
			t.Fatalf("%s is read as %v, %v", key, got, err)
		}
		revision = got.Header.Revision
		if told := <-events; len(told.Events) != 1 || string(told.Events[0].Kv.Key) != key {
			t.Errorf("of %s the watch tells %+v", key, told)
		}
	}
	if err := here.RequestProgress(ctx); err != nil {
		t.Fatal(err)
	}
	if told := <-events; !told.IsProgressNotify() || told.Header.Revision != revision {
		t.Errorf("asked how far it has got, the watch tells %+v", told)
	}
	s.Stop()
	if got, err := here.KV.Get(ctx, "/here"); err == nil {
		t.Errorf("an ended server answers %v", got)
	}
}

// Whoever was answered finds what he wrote, however many write and read at once, and after the server began anew.
func TestNoReadIsOlderThanWhatWasAnswered(t *testing.T) {
	const writers, writes = 8, 200
	dir := filepath.Join(t.TempDir(), "data")
	s := start(t, t.Context(), dir)
	here, err := s.Client()
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for w := range writers {
		client, key := []clientv3.KV{here.KV, connect(t, s)}[w%2], fmt.Sprintf("/%d", w)
		all.Go(func() {
			for i := range writes {
				put, err := client.Put(t.Context(), key, strconv.Itoa(i))
				if err != nil {
					t.Error(err)
					return
				}
				got, err := here.KV.Get(t.Context(), key)
				if err != nil || got.Header.Revision < put.Header.Revision || string(got.Kvs[0].Value) != strconv.Itoa(i) {
					t.Errorf("%s is read as %v, %v after %d was answered", key, got, err, i)
					return
				}
			}
		})
	}
	all.Wait()
	_ = here.Close()
	s.Stop()
	again := start(t, t.Context(), dir)
	defer again.Stop()
	if here, err = again.Client(); err != nil {
		t.Fatal(err)
	}
	defer here.Close()
	for w := range writers {
		got, err := here.KV.Get(t.Context(), fmt.Sprintf("/%d", w))
		if err != nil || len(got.Kvs) != 1 || string(got.Kvs[0].Value) != strconv.Itoa(writes-1) {
			t.Errorf("/%d is read as %v, %v after a new start", w, got, err)
		}
	}
}

// Reads while the server ends are answered in full or refused.
func TestReadsGoOnUntilTheServerEnds(t *testing.T) {
	s := start(t, t.Context(), filepath.Join(t.TempDir(), "data"))
	here, err := s.Client()
	if err != nil {
		t.Fatal(err)
	}
	defer here.Close()
	if _, err := here.Put(t.Context(), "/key", "v"); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for {
				got, err := here.KV.Get(t.Context(), "/key")
				if err != nil {
					return
				}
				if len(got.Kvs) != 1 {
					t.Errorf("it is read as %v", got)
				}
			}
		})
	}
	s.Stop()
	all.Wait()
}

// A killed server leaves the folder of its sockets, in which nobody listens.
func TestFoldersOfKilledServersGo(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	make := func(name string, age time.Duration) string {
		folder := filepath.Join(os.TempDir(), sockets+name)
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: socketURL(folder, "client").Path})
		if err != nil {
			t.Fatal(err)
		}
		listener.SetUnlinkOnClose(false)
		if name != "living" {
			_ = listener.Close()
		} else {
			t.Cleanup(func() { _ = listener.Close() })
		}
		then := time.Now().Add(-age)
		if err := os.Chtimes(folder, then, then); err != nil {
			t.Fatal(err)
		}
		return folder
	}
	dead, living, young := make("dead", time.Hour), make("living", time.Hour), make("young", 0)
	start(t, context.Background(), filepath.Join(t.TempDir(), "data")).Stop()
	if _, err := os.Stat(dead); err == nil {
		t.Error("the folder of a killed server is still there")
	}
	for _, folder := range []string{living, young} {
		if _, err := os.Stat(folder); err != nil {
			t.Errorf("%s: %v", folder, err)
		}
	}
}
