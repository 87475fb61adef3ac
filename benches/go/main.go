// Decode reads the answers that the bench W12 wrote into a folder, as Go's standard library decodes them: into
// structures with the fields that become labels, and no others. For each input it prints how many machines there are,
// and the CPU time of this process, the median of several runs.
package main

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"strings"
	"syscall"
)

const runs = 7

// A body is an answer, and what it is of.
type body struct {
	kind  string
	bytes []byte
}

func main() {
	names, err := filepath.Glob(filepath.Join(os.Args[1], "*-*-[0-9][0-9][0-9][0-9]"))
	check(err)
	sort.Strings(names)
	inputs := map[string][]body{}
	for _, name := range names {
		parts := strings.Split(filepath.Base(name), "-")
		bytes, err := os.ReadFile(name)
		check(err)
		inputs[parts[0]] = append(inputs[parts[0]], body{parts[1], bytes})
	}
	for name, bodies := range inputs {
		var times []int64
		var count int
		for i := 0; i < runs; i++ {
			runtime.GC()
			start := cpu()
			var decoded []any
			count = 0
			for _, body := range bodies {
				value, machines := decode(body)
				decoded = append(decoded, value)
				count += machines
			}
			times = append(times, cpu()-start)
			runtime.KeepAlive(decoded)
		}
		sort.Slice(times, func(i, j int) bool { return times[i] < times[j] })
		fmt.Println(name, count, times[runs/2])
	}
}

// The value of a body, and how many machines are listed in it.
func decode(body body) (any, int) {
	switch body.kind {
	case "pods":
		var list podList
		check(json.Unmarshal(body.bytes, &list))
		return list, len(list.Items)
	case "ec2":
		var list describeInstances
		check(xml.Unmarshal(body.bytes, &list))
		count := 0
		for _, reservation := range list.Reservations {
			count += len(reservation.Instances)
		}
		return list, count
	case "consul":
		var list []consulEntry
		check(json.Unmarshal(body.bytes, &list))
		return list, len(list)
	case "hetzner":
		var list hetznerList
		check(json.Unmarshal(body.bytes, &list))
		return list, len(list.Servers)
	case "azure_machines":
		var list azureMachines
		check(json.Unmarshal(body.bytes, &list))
		return list, len(list.Value)
	case "azure_interfaces":
		var list azureInterfaces
		check(json.Unmarshal(body.bytes, &list))
		return list, 0
	case "gce":
		var list gceList
		check(json.Unmarshal(body.bytes, &list))
		return list, len(list.Items)
	}
	check(fmt.Errorf("what is %s?", body.kind))
	return nil, 0
}

// CPU time of all threads, the garbage collector's among them, in nanoseconds.
func cpu() int64 {
	var usage syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return usage.Utime.Nano() + usage.Stime.Nano()
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
