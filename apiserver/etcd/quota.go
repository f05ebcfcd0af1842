package etcd

import (
	"context"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"k8s.io/klog/v2"
)

// quotaPeriod is how soon a full store is noticed.
const quotaPeriod = 30 * time.Second

// KeepRoom looks after the quota until ctx ends. etcd that once exceeded it refuses
// writes for ever, whatever is deleted; here it takes them again when there is room.
func (s *Server) KeepRoom(ctx context.Context) {
	ticker := time.NewTicker(quotaPeriod)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			s.makeRoom(ctx)
		}
	}
}

// makeRoom does nothing unless the store is full. Then it drops history, gives back the
// space of what was deleted, and lets writes in again if that makes room.
func (s *Server) makeRoom(ctx context.Context) {
	if !s.full() {
		return
	}
	logger, etcd := klog.FromContext(ctx), s.etcd.Server
	// Watchers that are behind list anew.
	_, _ = etcd.Compact(ctx, &etcdserverpb.CompactionRequest{Revision: etcd.KV().Rev(), Physical: true}) // it may be compacted already
	// It stops everything for a moment, so it has to be worth it.
	if backend := etcd.Backend(); backend.Size()-backend.SizeInUse() > s.quota/10 {
		if err := backend.Defrag(); err != nil {
			logger.Error(err, "The store is full and can't be defragmented", "dataDir", s.dir)
			return
		}
	}
	if size := etcd.Backend().Size(); size > s.quota/10*9 {
		logger.Error(nil, "The store is full: reads and deletions go on, other writes are refused; delete objects, or start with a larger --etcd-quota-backend-bytes",
			"dataDir", s.dir, "bytes", size, "quota", s.quota)
		return
	}
	_, err := etcd.Alarm(ctx, &etcdserverpb.AlarmRequest{
		MemberID: uint64(etcd.MemberID()), Action: etcdserverpb.AlarmRequest_DEACTIVATE, Alarm: etcdserverpb.AlarmType_NOSPACE,
	})
	if err != nil {
		logger.Error(err, "The store has room again, and still refuses writes", "dataDir", s.dir)
		return
	}
	logger.Info("The store was full and has room again", "dataDir", s.dir, "bytes", etcd.Backend().Size(), "quota", s.quota)
}

func (s *Server) full() bool {
	for _, alarm := range s.etcd.Server.Alarms() {
		if alarm.GetAlarm() == etcdserverpb.AlarmType_NOSPACE {
			return true
		}
	}
	return false
}
