// Package etcd runs etcd inside the process, for installations of one replica.
package etcd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/google/uuid"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/kubernetes"
	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/server/v3/etcdserver/api/v3client"
	"go.etcd.io/etcd/server/v3/storage/schema"
	"go.uber.org/zap"
)

const (
	// startTimeout lets a large write-ahead log be replayed first.
	startTimeout = time.Minute
	// logTimeout is how long etcd may take to apply its log, once it leads, before its end
	// is compared with the database.
	logTimeout = 5 * time.Second
	// stopTimeout leaves the end of the process to those who wait for it, should a disk
	// hang: what was answered is on it already.
	stopTimeout = 10 * time.Second
	// goodbye is how long clients may take to end; etcd itself would give them seven
	// seconds, and all of them are in this process.
	goodbye = time.Second
	// slow is worth a warning: a disk or a machine that is far too busy.
	slow = time.Second
	// DefaultQuota leaves room for hundreds of thousands of objects.
	DefaultQuota = 8 << 30
	dataDirMode  = 0o700
	// sockets begins the names of the folders of sockets.
	sockets = "capa-etcd-"
	// memberName is the one member's.
	memberName = "capa-apiserver"
)

// peerURL is what the one member advertises. Nobody else joins, so it is never dialled.
var peerURL = url.URL{Scheme: "http", Host: "localhost:0"}

// Options say where the data is and how much it may be.
type Options struct {
	// Dir is the folder of the data; it is made if it isn't there.
	Dir string
	// Quota is how many bytes the database may have; zero means DefaultQuota.
	Quota int64
}

// Server is a running etcd.
type Server struct {
	etcd           *embed.Etcd
	dir, socketDir string
	endpoint       string
	quota          int64
	// ended has one place, for the first reason.
	ended    chan error
	stopping atomic.Bool
	// reading is held by reads within the process.
	reading sync.RWMutex
}

// Start runs etcd with its data in a folder and returns when it serves, or why it
// doesn't, within a minute. It listens on a unix socket that only this user can open, so
// nothing else on the machine can read what is stored.
func Start(ctx context.Context, o Options) (*Server, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	s := &Server{dir: o.Dir, quota: o.Quota, ended: make(chan error, 1)}
	if s.quota == 0 {
		s.quota = DefaultQuota
	}
	removeDead()
	// A socket's path is limited to about 100 characters, so it isn't below dir.
	var err error
	if s.socketDir, err = os.MkdirTemp("", sockets); err != nil {
		return nil, err
	}
	client := socketURL(s.socketDir, "client")
	s.endpoint = client.String()
	started := make(chan error, 1)
	go func() { started <- s.start(ctx, s.config(client, socketURL(s.socketDir, "peer"))) }()
	select {
	case err = <-started:
	case err = <-s.ended:
	case <-ctx.Done():
		// etcd can't be told to stop starting.
		err = fmt.Errorf("it doesn't start: %w", ctx.Err())
	}
	if err != nil {
		os.RemoveAll(s.socketDir)
		if errors.Is(ctx.Err(), context.Canceled) {
			return nil, ctx.Err() // nobody waits for it any more
		}
		return nil, explain(o.Dir, err)
	}
	go s.watch()
	s.makeRoom(ctx)
	if err := s.noteEndpoint(); err != nil {
		s.Stop()
		return nil, explain(o.Dir, err)
	}
	return s, nil
}

// start returns when etcd serves. etcd itself may never let it.
func (s *Server) start(ctx context.Context, cfg *embed.Config) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", errDamaged, r)
		}
	}()
	if err := inspect(ctx, s.dir); err != nil {
		return err
	}
	if s.etcd, err = embed.StartEtcd(cfg); err != nil {
		return err
	}
	return s.ready(ctx)
}

// ready waits until etcd serves. It never does when its log ends before the index that
// the database has: entries up to there are taken for applied, so new ones would be
// answered and forgotten, and the first of them is its own.
func (s *Server) ready(ctx context.Context) error {
	overdue := time.After(logTimeout)
	for {
		select {
		case <-s.etcd.Server.ReadyNotify():
			return nil
		case err := <-s.etcd.Err():
			return err
		case <-ctx.Done():
			return ctx.Err()
		case <-overdue:
			applied, _ := schema.ReadConsistentIndex(s.etcd.Server.Backend().ReadTx())
			if s.etcd.Server.Leader() != 0 && s.etcd.Server.CommittedIndex() < applied {
				return errOldLog
			}
			overdue = time.After(logTimeout)
		}
	}
}

// watch tells when etcd ends though nobody asked it to.
func (s *Server) watch() {
	select {
	case err, open := <-s.etcd.Err():
		if open {
			s.end(err)
		}
	case <-s.etcd.Server.StopNotify():
		s.end(errors.New("it stopped"))
	}
}

func (s *Server) end(err error) {
	if s.stopping.Load() {
		return
	}
	select {
	case s.ended <- err:
	default:
	}
}

// Ended gives the reason when etcd has ended by itself: nothing more is answered then.
func (s *Server) Ended(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-s.ended:
		return explain(s.dir, err)
	}
}

// ID tells this store from others; it stays with the data.
func (s *Server) ID() string { return s.etcd.Server.Cluster().ID().String() }

// removeDead takes away the sockets' folders of servers that were killed: nobody
// listens on them any more. Younger ones may be about to listen.
func removeDead() {
	folders, _ := filepath.Glob(filepath.Join(os.TempDir(), sockets+"*")) // the pattern is well-formed
	for _, folder := range folders {
		info, err := os.Stat(folder)
		if err != nil || time.Since(info.ModTime()) < startTimeout {
			continue
		}
		conn, err := net.Dial("unix", socketURL(folder, "client").Path)
		switch {
		case err == nil:
			_ = conn.Close()
		case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, fs.ErrNotExist):
			_ = os.RemoveAll(folder) // somebody else's stays
		}
	}
}

// Client reaches the server by calls within the process. It has the server's endpoint, for those who tell servers apart by
// it, and connects to it for nothing that a storage needs.
func (s *Server) Client() (*kubernetes.Client, error) {
	client, err := kubernetes.New(clientv3.Config{Endpoints: []string{s.endpoint}, Logger: zap.NewNop()})
	if err != nil {
		return nil, err
	}
	here := v3client.New(s.etcd.Server)
	client.KV, client.Watcher, client.Lease, client.Maintenance = reads{here.KV, s}, here.Watcher, here.Lease, here.Maintenance
	return client, nil
}

// Endpoint is where clients reach the server.
func (s *Server) Endpoint() string { return s.endpoint }

// Stop ends the server; what was written stays in its data directory.
func (s *Server) Stop() {
	s.reading.Lock() // when those that began have ended
	s.stopping.Store(true)
	s.reading.Unlock()
	closed := make(chan struct{})
	go func() { defer close(closed); s.etcd.Close() }()
	select {
	case <-closed:
	case <-time.After(goodbye):
		s.hardStop()
	}
	os.RemoveAll(s.socketDir)
	os.Remove(filepath.Join(s.dir, endpointFile))
}

// hardStop closes log and database while clients are still there.
func (s *Server) hardStop() {
	stopped := make(chan struct{})
	go func() { defer close(stopped); s.etcd.Server.HardStop() }()
	select {
	case <-stopped:
	case <-time.After(stopTimeout):
	}
}

func socketURL(dir, name string) url.URL {
	return url.URL{Scheme: "unix", Path: filepath.Join(dir, name+".sock")}
}

func (s *Server) config(client, peer url.URL) *embed.Config {
	cfg := embed.NewConfig()
	cfg.Name = memberName
	cfg.Dir = s.dir
	cfg.ListenClientUrls = []url.URL{client}
	cfg.AdvertiseClientUrls = []url.URL{peerURL}
	cfg.ListenPeerUrls = []url.URL{peer}
	cfg.AdvertisePeerUrls = []url.URL{peerURL}
	cfg.InitialCluster = cfg.Name + "=" + cfg.AdvertisePeerUrls[0].String()
	// A new store gets an ID from it that no other has.
	cfg.InitialClusterToken = uuid.NewString()
	cfg.QuotaBackendBytes = s.quota
	cfg.ZapLoggerBuilder = embed.NewZapLoggerBuilder(logger(s.end, &s.stopping))
	cfg.WarningApplyDuration, cfg.WarningUnaryRequestDuration = slow, slow
	return cfg
}
