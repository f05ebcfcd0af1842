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
	"syscall"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
)

const (
	// startTimeout is generous: a large write-ahead log is replayed first.
	startTimeout = 2 * time.Minute
	// quotaBytes leaves room for hundreds of thousands of objects.
	quotaBytes  = 8 << 30
	dataDirMode = 0o700
	// sockets begins the names of the folders of sockets.
	sockets = "capa-etcd-"
)

// Server is a running etcd.
type Server struct {
	etcd      *embed.Etcd
	socketDir string
	endpoint  string
}

// Start runs etcd with its data in dir and returns when it serves. It listens on
// a unix socket that only this user can open, so nothing else on the machine can
// read what is stored.
func Start(ctx context.Context, dir string) (*Server, error) {
	if err := os.MkdirAll(dir, dataDirMode); err != nil {
		return nil, fmt.Errorf("--data-dir %q can't be used: %w", dir, err)
	}
	removeDead()
	// A socket's path is limited to about 100 characters, so it isn't below dir.
	socketDir, err := os.MkdirTemp("", sockets)
	if err != nil {
		return nil, err
	}
	client := socketURL(socketDir, "client")
	etcd, err := embed.StartEtcd(config(dir, client, socketURL(socketDir, "peer")))
	if err != nil {
		os.RemoveAll(socketDir)
		return nil, fmt.Errorf("etcd doesn't start with the data in %q: %w", dir, err)
	}
	s := &Server{etcd: etcd, socketDir: socketDir, endpoint: client.String()}
	select {
	case <-etcd.Server.ReadyNotify():
		return s, nil
	case err := <-etcd.Err():
		s.Stop()
		return nil, fmt.Errorf("etcd ended while starting: %w", err)
	case <-ctx.Done():
		s.Stop()
		return nil, ctx.Err()
	case <-time.After(startTimeout):
		s.Stop()
		return nil, fmt.Errorf("etcd with the data in %q isn't ready after %s", dir, startTimeout)
	}
}

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

// Endpoint is where clients reach the server.
func (s *Server) Endpoint() string { return s.endpoint }

// Stop ends the server; what was written stays in its data directory.
func (s *Server) Stop() {
	s.etcd.Close()
	os.RemoveAll(s.socketDir)
}

func socketURL(dir, name string) url.URL {
	return url.URL{Scheme: "unix", Path: filepath.Join(dir, name+".sock")}
}

func config(dir string, client, peer url.URL) *embed.Config {
	cfg := embed.NewConfig()
	cfg.Name = "capa-apiserver"
	cfg.Dir = dir
	cfg.ListenClientUrls = []url.URL{client}
	// Nobody else joins, so what is advertised is never dialled.
	cfg.AdvertiseClientUrls = []url.URL{{Scheme: "http", Host: "localhost:0"}}
	cfg.ListenPeerUrls = []url.URL{peer}
	cfg.AdvertisePeerUrls = []url.URL{{Scheme: "http", Host: "localhost:0"}}
	cfg.InitialCluster = cfg.Name + "=" + cfg.AdvertisePeerUrls[0].String()
	cfg.QuotaBackendBytes = quotaBytes
	cfg.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zap.NewNop())
	return cfg
}
