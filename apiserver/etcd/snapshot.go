package etcd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/snapshot"
	etcdutl "go.etcd.io/etcd/etcdutl/v3/snapshot"
	"go.uber.org/zap"
)

const (
	// bump is how far the revisions of a restored store are ahead of the snapshot's: further
	// than what was written since, so that no revision means two things to a client.
	bump = 1_000_000_000
	// page is how many keys are read at once.
	page = 100
	// dialTimeout is how long another etcd may take to answer at first.
	dialTimeout = 10 * time.Second
	// endpointFile says in a store's folder where its server listens.
	endpointFile = "endpoint"
	// Prefix is what all keys in a file begin with, whatever it is in the etcd that they come
	// from: it keeps clear of kube-apiserver's /registry, should somebody point both at one.
	Prefix = "/capa-apiserver"
	// restoring is the folder in which a store is put together.
	restoring = ".restoring"
)

// Save writes all that the store in a folder has into a file, as etcd itself does. The
// server of the folder may run.
func Save(ctx context.Context, dir, file string) error {
	if _, err := os.Stat(filepath.Join(dir, "member")); err != nil {
		return fmt.Errorf("there is no store in --data-dir=%s: name the folder that the server has (%w)", dir, err)
	}
	if endpoint := running(ctx, dir); endpoint != "" {
		return save(ctx, endpoint, file)
	}
	s, err := Start(ctx, Options{Dir: dir})
	if err != nil {
		return err
	}
	defer s.Stop()
	return save(ctx, s.Endpoint(), file)
}

// running is where the server of a folder listens, "" if there is none.
func running(ctx context.Context, dir string) string {
	text, err := os.ReadFile(filepath.Join(dir, endpointFile))
	if err != nil {
		return ""
	}
	client, err := dial(clientv3.Config{Endpoints: []string{string(text)}})
	if err != nil {
		return ""
	}
	defer func() { _ = client.Close() }()
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if _, err := client.Status(ctx, string(text)); err != nil {
		return ""
	}
	return string(text)
}

func dial(config clientv3.Config) (*clientv3.Client, error) {
	config.Logger, config.DialTimeout = zap.NewNop(), dialTimeout
	return clientv3.New(config)
}

func save(ctx context.Context, endpoint, file string) error {
	_, err := snapshot.SaveWithVersion(ctx, zap.NewNop(), clientv3.Config{Endpoints: []string{endpoint}, DialTimeout: dialTimeout}, file)
	return err
}

// SaveExternal writes what an etcd has below a prefix into such a file; an etcd may have
// more that is nobody's business here.
func SaveExternal(ctx context.Context, config clientv3.Config, prefix, file string) error {
	return withScratch(ctx, "", func(s *Server, here *clientv3.Client) error {
		there, err := dial(config)
		if err != nil {
			return err
		}
		defer func() { _ = there.Close() }()
		if count, err := copyKeys(ctx, there, prefix, here, Prefix); err != nil {
			return fmt.Errorf("reading from %v: %w", config.Endpoints, err)
		} else if count == 0 {
			return fmt.Errorf("%v has nothing below %s: no capa-apiserver ever wrote there", config.Endpoints, prefix)
		}
		return save(ctx, s.Endpoint(), file)
	})
}

// Restore makes the store in a folder from a file. What the folder had is kept in it, under
// the name that is returned; "" if it had none.
func Restore(ctx context.Context, file, dir string) (kept string, err error) {
	if err := inspect(ctx, dir); errors.Is(err, errInUse) {
		return "", explain(dir, err)
	}
	// Where the volume is full or read-only, this fails and nothing has changed.
	fresh := filepath.Join(dir, restoring)
	if err := os.RemoveAll(fresh); err != nil {
		return "", err
	}
	defer os.RemoveAll(fresh)
	if err := unpack(file, fresh); err != nil {
		return "", err
	}
	if err := withStore(ctx, fresh, func(_ *Server, here *clientv3.Client) error { return isOurs(ctx, file, here) }); err != nil {
		return "", err
	}
	// That took a while, in which a server may have started.
	if err := inspect(ctx, dir); errors.Is(err, errInUse) {
		return "", explain(dir, err)
	}
	member := filepath.Join(dir, "member")
	if _, err := os.Stat(member); err == nil {
		kept = filepath.Join(dir, "member.before-restore-"+time.Now().UTC().Format("20060102T150405Z"))
		if err := os.Rename(member, kept); err != nil {
			return "", err
		}
	}
	// A server that starts right here has an empty store, and the Lease keeps it from serving it.
	return kept, errors.Join(os.Rename(filepath.Join(fresh, "member"), member), syncDir(dir))
}

func unpack(file, dir string) error {
	if _, err := os.Stat(file); err != nil {
		return fmt.Errorf("the snapshot can't be read: %w", err)
	}
	peer := peerURL.String()
	err := etcdutl.NewV3(zap.NewNop()).Restore(etcdutl.RestoreConfig{
		SnapshotPath: file, OutputDataDir: dir, Name: memberName, PeerURLs: []string{peer},
		InitialCluster: memberName + "=" + peer, InitialClusterToken: uuid.NewString(),
		RevisionBump: bump, MarkCompacted: true,
	})
	if err != nil {
		return fmt.Errorf("%s is no snapshot that can be restored, or isn't whole: %w; take one that `capa-apiserver snapshot save` wrote to its end", file, err)
	}
	return nil
}

// isOurs refuses a snapshot of another etcd, such as the host's own: a server would find nothing in it and serve that,
// upon which Kubernetes deletes what belonged to objects that are gone.
func isOurs(ctx context.Context, file string, unpacked *clientv3.Client) error {
	found, err := unpacked.Get(ctx, Prefix+"/", clientv3.WithPrefix(), clientv3.WithCountOnly())
	if err == nil && found.Count == 0 {
		return fmt.Errorf("%s has nothing below %s: it isn't a snapshot of capa-apiserver's store (the host's etcd has one of its own); nothing was changed", file, Prefix)
	}
	return err
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// RestoreExternal puts what a file has into an etcd, below a prefix where it has nothing yet.
func RestoreExternal(ctx context.Context, file string, config clientv3.Config, prefix string) error {
	return withScratch(ctx, file, func(_ *Server, here *clientv3.Client) error {
		there, err := dial(config)
		if err != nil {
			return err
		}
		defer func() { _ = there.Close() }()
		found, err := there.Get(ctx, prefix+"/", clientv3.WithPrefix(), clientv3.WithCountOnly())
		if err != nil {
			return fmt.Errorf("reading from %v: %w", config.Endpoints, err)
		}
		if found.Count > 0 {
			return fmt.Errorf("%v has %d keys below %s already, and nothing was written: save them with `capa-apiserver snapshot save`, end all servers that use them, and delete them with `etcdctl del --prefix %s/`",
				config.Endpoints, found.Count, prefix, prefix)
		}
		if err := isOurs(ctx, file, here); err != nil {
			return err
		}
		if _, err := copyKeys(ctx, here, Prefix, there, prefix); err != nil {
			return fmt.Errorf("writing to %v: %w; delete what was written with `etcdctl del --prefix %s/` and try again", config.Endpoints, err, prefix)
		}
		return nil
	})
}

// withScratch runs a store of its own for a while, with what a file has, or empty.
func withScratch(ctx context.Context, file string, do func(*Server, *clientv3.Client) error) error {
	dir, err := os.MkdirTemp("", "capa-snapshot-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	dir = filepath.Join(dir, "store")
	if file != "" {
		if err := unpack(file, dir); err != nil {
			return err
		}
	}
	return withStore(ctx, dir, do)
}

// withStore runs the store of a folder for a while.
func withStore(ctx context.Context, dir string, do func(*Server, *clientv3.Client) error) error {
	s, err := Start(ctx, Options{Dir: dir})
	if err != nil {
		return err
	}
	defer s.Stop()
	client, err := dial(clientv3.Config{Endpoints: []string{s.Endpoint()}})
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	return do(s, client)
}

// copyKeys copies all keys below a prefix as they are at one moment, to below another one.
func copyKeys(ctx context.Context, from *clientv3.Client, prefix string, to *clientv3.Client, toPrefix string) (count int, err error) {
	var revision int64
	for key, end := prefix+"/", clientv3.GetPrefixRangeEnd(prefix+"/"); ; {
		got, err := from.Get(ctx, key, clientv3.WithRange(end), clientv3.WithLimit(page), clientv3.WithRev(revision))
		if err != nil {
			return count, err
		}
		for _, kv := range got.Kvs {
			if _, err := to.Put(ctx, toPrefix+strings.TrimPrefix(string(kv.Key), prefix), string(kv.Value)); err != nil {
				return count, err
			}
			count++
		}
		if !got.More {
			return count, nil
		}
		if revision == 0 {
			revision = got.Header.Revision
		}
		key = string(got.Kvs[len(got.Kvs)-1].Key) + "\x00"
	}
}

// noteEndpoint lets other processes of this user find the server.
func (s *Server) noteEndpoint() error {
	return os.WriteFile(filepath.Join(s.dir, endpointFile), []byte(s.endpoint), 0o600)
}
