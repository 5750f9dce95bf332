// Command plugin is the Fluent Bit output plugin out_agent_audit.so: the exported C functions and nothing else. What they
// do is in internal/instance. abi.c exports the names Fluent Bit looks for and guards against running after a fork.
package main

import "C"

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"unsafe"

	"github.com/fluent/fluent-bit-go/output"

	"github.com/agentaudit/agentaudit/internal/config"
	"github.com/agentaudit/agentaudit/internal/instance"
	"github.com/agentaudit/agentaudit/internal/logging"
	"github.com/agentaudit/agentaudit/internal/metrics"
)

const name = "agent_audit"

func main() {}

var log = logging.New(os.Stderr, "output:"+name, slog.LevelInfo)

// recovered turns a panic, which would end Fluent Bit, into a return code.
func recovered(code *C.int, value C.int) {
	if r := recover(); r != nil {
		log.Error("internal error", "error", fmt.Sprint(r))
		*code = value
	}
}

//export agentAuditRegister
func agentAuditRegister(def unsafe.Pointer) (code C.int) {
	defer recovered(&code, -1)
	return C.int(output.FLBPluginRegister(def, name, "Audit trail of AI agents, scrubbed, to indexed and immutable stores"))
}

// agentAuditInit reads the configuration, here and only here: Fluent Bit shares the plugin struct between instances and
// overwrites it.
//
//export agentAuditInit
func agentAuditInit(plugin unsafe.Pointer) (code C.int) {
	code = output.FLB_ERROR
	defer recovered(&code, output.FLB_ERROR)
	get := func(key string) string { return output.FLBPluginConfigKey(plugin, key) }
	c, err := config.Load(get("config"), get)
	if err != nil {
		log.Error("configuration: " + err.Error())
		return output.FLB_ERROR
	}
	i, err := instance.Open(c, log)
	if err != nil {
		log.Error("start: " + err.Error())
		return output.FLB_ERROR
	}
	w, err := metrics.Start(c.Metrics, i, log)
	if err != nil {
		log.Error("start: " + err.Error())
		_ = i.Close()
		return output.FLB_ERROR
	}
	output.FLBPluginSetContext(plugin, &slot{i, w})
	return output.FLB_OK
}

// agentAuditFlush answers FLB_OK only when the whole chunk is durable, else FLB_RETRY: FLB_ERROR would drop it unseen.
//
//export agentAuditFlush
func agentAuditFlush(ctx, data unsafe.Pointer, size C.int, tag *C.char) (code C.int) {
	code = output.FLB_RETRY
	defer recovered(&code, output.FLB_RETRY)
	if s, ok := contextOf(ctx); ok {
		// A copy: Fluent Bit takes its memory back when this returns, and texts of the chunk may still be in use.
		chunk := append([]byte(nil), unsafe.Slice((*byte)(data), int(size))...)
		if s.Flush(C.GoString(tag), chunk) == nil {
			return output.FLB_OK
		}
	}
	return output.FLB_RETRY
}

// agentAuditExit ends an instance. A dry run calls it without one.
//
//export agentAuditExit
func agentAuditExit(ctx unsafe.Pointer) (code C.int) {
	code = output.FLB_OK
	defer recovered(&code, output.FLB_OK)
	if s, ok := contextOf(ctx); ok {
		if err := errors.Join(s.watch.Close(), s.Close()); err != nil {
			log.Error("stop: " + err.Error())
		}
		*s = slot{}
	}
	return output.FLB_OK
}

//export agentAuditUnregister
func agentAuditUnregister(def unsafe.Pointer) {
	defer recovered(new(C.int), 0)
	output.FLBPluginUnregister(def)
}

// slot holds an instance; fluent-bit-go keeps every context for ever, so that an ended instance must leave its slot.
type slot struct {
	*instance.Instance
	watch *metrics.Watch
}

func contextOf(ctx unsafe.Pointer) (*slot, bool) {
	if ctx == nil {
		return nil, false
	}
	s, ok := output.FLBPluginGetContext(ctx).(*slot)
	return s, ok && s.Instance != nil
}
