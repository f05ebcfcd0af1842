package etcd

import (
	"errors"
	"sync/atomic"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"k8s.io/klog/v2"
)

// bridge writes etcd's log into the process's own, from warnings on: what etcd tells
// besides is about the cluster that it isn't part of, and what it tells while it is being
// stopped is that it stops.
type bridge struct {
	context  []zapcore.Field
	stopping *atomic.Bool
}

var _ zapcore.Core = bridge{}

// Enabled tells what is kept.
func (b bridge) Enabled(level zapcore.Level) bool {
	return level >= zapcore.WarnLevel && (level >= zapcore.DPanicLevel || !b.stopping.Load())
}

// With adds to what each line says.
func (b bridge) With(fields []zapcore.Field) zapcore.Core {
	return bridge{append(b.context[:len(b.context):len(b.context)], fields...), b.stopping}
}

// Check has entries written that are kept.
func (b bridge) Check(entry zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if b.Enabled(entry.Level) {
		return checked.AddCore(entry, b)
	}
	return checked
}

// Write leaves what ends etcd to the hook, which says it with the folder and a cure.
func (b bridge) Write(entry zapcore.Entry, fields []zapcore.Field) error {
	if entry.Level >= zapcore.DPanicLevel {
		return nil
	}
	values := []any{"says", entry.Message}
	all := zapcore.NewMapObjectEncoder()
	for _, field := range append(b.context[:len(b.context):len(b.context)], fields...) {
		field.AddTo(all)
	}
	for name, value := range all.Fields {
		values = append(values, name, value)
	}
	if entry.Level == zapcore.WarnLevel {
		klog.Background().Info("The embedded etcd warns", values...)
	} else {
		klog.Background().Error(nil, "The embedded etcd reports an error", values...)
	}
	return nil
}

// Sync has nothing to do.
func (bridge) Sync() error { return nil }

// hook takes the place of the exits and panics with which etcd ends: it tells the reason
// and keeps the goroutine from going on.
type hook func(error)

var _ zapcore.CheckWriteHook = hook(nil)

// OnWrite never returns.
func (h hook) OnWrite(entry *zapcore.CheckedEntry, fields []zapcore.Field) {
	err := errors.New(entry.Message)
	for _, field := range fields {
		if cause, ok := field.Interface.(error); ok {
			err = &reason{entry.Message, cause}
		}
	}
	h(err)
	select {}
}

// reason is what etcd says and why.
type reason struct {
	says  string
	cause error
}

func (r *reason) Error() string { return r.says + ": " + r.cause.Error() }
func (r *reason) Unwrap() error { return r.cause }

func logger(ended func(error), stopping *atomic.Bool) *zap.Logger {
	return zap.New(bridge{stopping: stopping}, zap.WithFatalHook(hook(ended)), zap.WithPanicHook(hook(ended)))
}
