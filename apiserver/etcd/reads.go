package etcd

import (
	"context"
	"slices"

	clientv3 "go.etcd.io/etcd/client/v3"
	etcdserver "go.etcd.io/etcd/server/v3/etcdserver/errors"
)

// reads answers what is read at once. A member among others has to ask for the end of the log first, and to wait until it has got there; the
// only one answers a write when it is applied, and serves from the first write of its own on, before which all of the log is applied. So no read
// of it is older than what anybody was answered.
type reads struct {
	clientv3.KV
	server *Server
}

// Get reads, unless the server ends: the database may be closed then.
func (r reads) Get(ctx context.Context, key string, opts ...clientv3.OpOption) (*clientv3.GetResponse, error) {
	r.server.reading.RLock()
	defer r.server.reading.RUnlock()
	if r.server.stopping.Load() {
		return nil, etcdserver.ErrStopped
	}
	return r.KV.Get(ctx, key, append(slices.Clip(opts), clientv3.WithSerializable())...)
}
