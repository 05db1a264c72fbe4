// etcdload loads etcd through its own Go client over gRPC, the fastest way to ask it, and prints one line
//
//	RESULT {"requests":…,"seconds":…,"p50":…,"p99":…,"errors":…}
//
// with latencies in milliseconds, of the requests that succeeded. With -fill it writes every key once instead.
// A client is a goroutine with one request in flight; clients share -conns gRPC connections, which go to the endpoints in
// turn. A read of a key that is not there is an error.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand"
	"os"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/clientv3"
)

var (
	endpoints    = flag.String("endpoints", "127.0.0.1:2379", "HOST:PORT,…")
	conns        = flag.Int("conns", 6, "gRPC connections")
	clients      = flag.Int("clients", 64, "requests in flight")
	duration     = flag.Duration("d", 5*time.Second, "how long")
	reads        = flag.Float64("read", 0, "the fraction of reads, 0 to 1")
	serializable = flag.Bool("serializable", false, "reads are local to the node, not linearizable")
	size         = flag.Int("size", 256, "bytes of a value")
	keys         = flag.Int("keys", 100000, "how many keys")
	fill         = flag.Bool("fill", false, "write every key once")
)

func key(i int) string { return fmt.Sprintf("key-%d", i) }

// connect opens the gRPC connections, each to one endpoint.
func connect() []*clientv3.Client {
	list := strings.Split(*endpoints, ",")
	all := make([]*clientv3.Client, *conns)
	for i := range all {
		client, err := clientv3.New(clientv3.Config{
			Endpoints:   []string{list[i%len(list)]},
			DialTimeout: 5 * time.Second,
		})
		if err != nil {
			fmt.Fprintln(os.Stderr, "etcdload:", err)
			os.Exit(1)
		}
		all[i] = client
	}
	return all
}

// together runs work once for each client at the same time.
func together(work func(i int)) {
	var group sync.WaitGroup
	for i := 0; i < *clients; i++ {
		group.Add(1)
		go func(i int) {
			defer group.Done()
			work(i)
		}(i)
	}
	group.Wait()
}

func get(client *clientv3.Client, name string) error {
	var options []clientv3.OpOption
	if *serializable {
		options = append(options, clientv3.WithSerializable())
	}
	answer, err := client.Get(context.Background(), name, options...)
	if err == nil && len(answer.Kvs) != 1 {
		return fmt.Errorf("%s is not there", name)
	}
	return err
}

func main() {
	flag.Parse()
	connections := connect()
	value := strings.Repeat("x", *size)
	var errors int64
	if *fill {
		var next int64 = -1
		together(func(i int) {
			client := connections[i%len(connections)]
			for k := atomic.AddInt64(&next, 1); k < int64(*keys); k = atomic.AddInt64(&next, 1) {
				if _, err := client.Put(context.Background(), key(int(k)), value); err != nil {
					fmt.Fprintln(os.Stderr, "etcdload:", err)
					os.Exit(1)
				}
			}
		})
		return
	}

	latencies := make([][]float64, *clients)
	start := time.Now()
	end := start.Add(*duration)
	together(func(i int) {
		client := connections[i%len(connections)]
		random := rand.New(rand.NewSource(start.UnixNano() + int64(i)))
		for before := time.Now(); before.Before(end); {
			name := key(random.Intn(*keys))
			var err error
			if random.Float64() < *reads {
				err = get(client, name)
			} else {
				_, err = client.Put(context.Background(), name, value)
			}
			after := time.Now()
			if err != nil {
				atomic.AddInt64(&errors, 1)
			} else {
				latencies[i] = append(latencies[i], after.Sub(before).Seconds()*1e3)
			}
			before = after
		}
	})
	seconds := time.Since(start).Seconds()

	var all []float64
	for _, some := range latencies {
		all = append(all, some...)
	}
	if len(all) == 0 {
		fmt.Fprintln(os.Stderr, "etcdload: no request succeeded")
		os.Exit(1)
	}
	sort.Float64s(all)
	percentile := func(q float64) float64 { return all[int(q*float64(len(all)-1))] }
	fmt.Printf("RESULT {\"requests\":%d,\"seconds\":%.3f,\"p50\":%.3f,\"p99\":%.3f,\"errors\":%d}\n",
		len(all), seconds, percentile(.5), percentile(.99), errors)
}
