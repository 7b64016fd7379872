//! Collectors of hardware and file systems that test machines rarely have, on trees of files
//! written as the kernel's documentation and sources describe them.

use super::*;

/// A tree of files, and what collectors make of it.
struct Tree {
    folder: tempfile::TempDir,
}

impl Tree {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        Self { folder }
    }

    fn collect(&self, collector: &'static str) -> String {
        let options = HostOptions {
            path_procfs: self.folder.path().join("proc"),
            path_sysfs: self.folder.path().join("sys"),
            path_rootfs: self.folder.path().to_owned(),
            process_metrics: false,
            ..HostOptions::default()
        };
        text_of(&Host::new(options, World::real()).collect_selected(&[collector], &[]).unwrap())
    }
}

fn check(collector: &'static str, files: &[(&str, &str)], expected: &[&str]) {
    let text = Tree::new(files).collect(collector);
    for line in expected {
        assert!(text.lines().any(|one| one == *line), "{collector}: no {line:?} in\n{text}");
    }
    let success = format!("node_scrape_collector_success{{collector=\"{collector}\"}} 1");
    assert!(text.lines().any(|one| one == success), "{text}");
    let bare = Tree::new(&[]).collect(collector);
    assert!(!bare.contains(&format!("node_{collector}_")), "without files:\n{bare}");
}

#[test]
fn caches_of_block_devices() {
    let set = "sys/fs/bcache/deaddd54-c735-46d5-868e-f331c5fd7c74";
    let files = [
        ("average_key_size", "0\n"),
        ("btree_cache_size", "1.5M\n"),
        ("tree_depth", "1\n"),
        ("internal/cache_read_races", "7\n"),
        ("internal/btree_read_average_duration_us", "1305\n"),
        ("bdev0/dirty_data", "20k\n"),
        (
            "bdev0/writeback_rate_debug",
            "rate:\t\t1.1M/sec\ndirty:\t\t20.4G\ntarget:\t\t20.4G\nproportional:\t427.5k\nintegral:\t-790.0k\nchange:\t\t321.5k/sec\nnext io:\t17ms\n",
        ),
        ("bdev0/stats_total/bypassed", "2k\n"),
        ("bdev0/stats_total/cache_hits", "546\n"),
        ("bdev0/stats_total/cache_readaheads", "0\n"),
        ("cache0/io_errors", "0\n"),
        ("cache0/written", "1.0k\n"),
    ];
    let files: Vec<(String, &str)> =
        files.iter().map(|(path, text)| (format!("{set}/{path}"), *text)).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(p, t)| (p.as_str(), *t)).collect();
    let uuid = "deaddd54-c735-46d5-868e-f331c5fd7c74";
    let of_device = format!("{{backing_device=\"bdev0\",uuid=\"{uuid}\"}}");
    check(
        "bcache",
        &files,
        &[
            &format!("node_bcache_btree_cache_size_bytes{{uuid=\"{uuid}\"}} 1.572864e+06"),
            &format!("node_bcache_cache_read_races_total{{uuid=\"{uuid}\"}} 7"),
            "# TYPE node_bcache_cache_read_races_total counter",
            &format!("node_bcache_dirty_data_bytes{of_device} 20480"),
            &format!("node_bcache_writeback_rate{of_device} 1.153433e+06"),
            &format!("node_bcache_writeback_rate_integral_term{of_device} -808960"),
            &format!("node_bcache_bypassed_bytes_total{of_device} 2048"),
            &format!(
                "node_bcache_written_bytes_total{{cache_device=\"cache0\",uuid=\"{uuid}\"}} 1024"
            ),
        ],
    );
}

#[test]
fn bcachefs_file_systems() {
    check(
        "bcachefs",
        &[
            ("sys/fs/bcachefs/u-1/btree_cache_size", "524M\n"),
            (
                "sys/fs/bcachefs/u-1/compression_stats",
                "type    compressed  uncompressed  average extent size\nlz4:    1.5k  3.0k  64k\n",
            ),
            ("sys/fs/bcachefs/u-1/errors", "btree_node_read_err 5 1234567890\n"),
            (
                "sys/fs/bcachefs/u-1/counters/btree_node_compact",
                "since mount: 1\nsince filesystem creation: 2.0k\n",
            ),
            ("sys/fs/bcachefs/u-1/btree_write_stats", "  nr  size\ninitial:  19088  108k\n"),
            ("sys/fs/bcachefs/u-1/dev-0/label", "ssd.1\n"),
            ("sys/fs/bcachefs/u-1/dev-0/state", "rw\n"),
            ("sys/fs/bcachefs/u-1/dev-0/bucket_size", "512k\n"),
            ("sys/fs/bcachefs/u-1/dev-0/nbuckets", "100\n"),
            ("sys/fs/bcachefs/u-1/dev-0/io_done", "read:\nsb : 4096\nwrite:\nuser : 8192\n"),
            (
                "sys/fs/bcachefs/u-1/dev-0/io_errors",
                "IO errors since filesystem creation\n  read:    197346\n  write:   0\nIO errors since 10 y ago\n  read:    5\n",
            ),
        ],
        &[
            "node_bcachefs_info{uuid=\"u-1\"} 1",
            "node_bcachefs_btree_cache_size_bytes{uuid=\"u-1\"} 5.49453824e+08",
            "node_bcachefs_compression_compressed_bytes{algorithm=\"lz4\",uuid=\"u-1\"} 1536",
            "node_bcachefs_errors_total{error_type=\"btree_node_read_err\",uuid=\"u-1\"} 5",
            "node_bcachefs_btree_node_compact_total{uuid=\"u-1\"} 2048",
            "node_bcachefs_btree_writes_total{type=\"initial\",uuid=\"u-1\"} 19088",
            "node_bcachefs_device_info{device=\"0\",label=\"ssd.1\",state=\"rw\",uuid=\"u-1\"} 1",
            "node_bcachefs_device_io_done_bytes_total{data_type=\"user\",device=\"0\",operation=\"write\",uuid=\"u-1\"} 8192",
            "node_bcachefs_device_io_errors_total{device=\"0\",type=\"read\",uuid=\"u-1\"} 197346",
        ],
    );
}

#[test]
fn btrfs_file_systems() {
    let fs = "sys/fs/btrfs/0abb23a9-579b-43e6-ad30-227ef47fcb9d";
    let files = [
        ("label", "fixture\n"),
        ("allocation/global_rsv_size", "16777216\n"),
        (
            "commit_stats",
            "commits 258051\nlast_commit_ms 1000\nmax_commit_ms 51462\ntotal_commit_ms 47836090\n",
        ),
        ("allocation/data/bytes_reserved", "0\n"),
        ("allocation/data/raid1/used_bytes", "808189952\n"),
        ("allocation/data/raid1/total_bytes", "2147483648\n"),
        ("allocation/metadata/raid6/used_bytes", "1\n"),
        ("allocation/metadata/raid6/total_bytes", "2\n"),
        ("devices/loop25/size", "20971520\n"),
        ("devices/loop26/size", "20971520\n"),
        ("devices/loop27/size", "20971520\n"),
        ("devices/loop28/size", "20971520\n"),
    ];
    let files: Vec<(String, &str)> =
        files.iter().map(|(path, text)| (format!("{fs}/{path}"), *text)).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(p, t)| (p.as_str(), *t)).collect();
    let uuid = "uuid=\"0abb23a9-579b-43e6-ad30-227ef47fcb9d\"";
    check(
        "btrfs",
        &files,
        &[
            &format!("node_btrfs_info{{label=\"fixture\",{uuid}}} 1"),
            &format!("node_btrfs_commits_total{{{uuid}}} 258051"),
            &format!("node_btrfs_max_commit_seconds{{{uuid}}} 51.462"),
            &format!(
                "node_btrfs_used_bytes{{block_group_type=\"data\",mode=\"raid1\",{uuid}}} 8.08189952e+08"
            ),
            &format!(
                "node_btrfs_allocation_ratio{{block_group_type=\"data\",mode=\"raid1\",{uuid}}} 2"
            ),
            &format!(
                "node_btrfs_allocation_ratio{{block_group_type=\"metadata\",mode=\"raid6\",{uuid}}} 2"
            ),
            &format!("node_btrfs_device_size_bytes{{device=\"loop25\",{uuid}}} 1.073741824e+10"),
        ],
    );
}

#[test]
fn devices_with_several_paths() {
    check(
        "dmmultipath",
        &[
            ("sys/block/dm-5/dm/uuid", "mpath-3600508b1\n"),
            ("sys/block/dm-5/dm/name", "mpathA\n"),
            ("sys/block/dm-5/dm/suspended", "0\n"),
            ("sys/block/dm-5/size", "2048\n"),
            ("sys/block/dm-5/slaves/sdb/dev", ""),
            ("sys/block/dm-5/slaves/sdc/dev", ""),
            ("sys/block/sdb/device/state", "running\n"),
            ("sys/block/sdc/device/state", "offline\n"),
            ("sys/block/dm-0/dm/uuid", "LVM-xyz\n"),
        ],
        &[
            "node_dmmultipath_device_info{device=\"mpathA\",sysfs_name=\"dm-5\",uuid=\"mpath-3600508b1\"} 1",
            "node_dmmultipath_device_active{device=\"mpathA\",sysfs_name=\"dm-5\"} 1",
            "node_dmmultipath_device_size_bytes{device=\"mpathA\",sysfs_name=\"dm-5\"} 1.048576e+06",
            "node_dmmultipath_device_paths_failed{device=\"mpathA\",sysfs_name=\"dm-5\"} 1",
            "node_dmmultipath_path_state{device=\"mpathA\",path=\"sdc\",state=\"offline\"} 1",
        ],
    );
}

#[test]
fn fibre_channel_adapters() {
    check(
        "fibrechannel",
        &[
            ("sys/class/fc_host/host0/port_state", "Online\n"),
            ("sys/class/fc_host/host0/port_id", "0x000002\n"),
            ("sys/class/fc_host/host0/speed", "16 Gbit\n"),
            ("sys/class/fc_host/host0/statistics/rx_frames", "0x3\n"),
            ("sys/class/fc_host/host0/statistics/dumped_frames", "0xffffffffffffffff\n"),
            ("sys/class/fc_host/host1/port_state", "Unknown\n"),
        ],
        &[
            "node_fibrechannel_info{dev_loss_tmo=\"\",fabric_name=\"\",fc_host=\"host0\",port_id=\"000002\",port_name=\"\",port_state=\"Online\",port_type=\"\",speed=\"16 Gbit\",supported_classes=\"\",supported_speeds=\"\",symbolic_name=\"\"} 1",
            "node_fibrechannel_rx_frames_total{fc_host=\"host0\"} 3",
            "node_fibrechannel_dumped_frames_total{fc_host=\"host1\"} 0",
        ],
    );
}

#[test]
fn infiniband_adapters() {
    check(
        "infiniband",
        &[
            ("sys/class/infiniband/mlx4_0/board_id", "SM_1141000001000\n"),
            ("sys/class/infiniband/mlx4_0/fw_ver", "2.31.5050\n"),
            ("sys/class/infiniband/mlx4_0/hca_type", "MT4099\n"),
            ("sys/class/infiniband/mlx4_0/ports/1/state", "4: ACTIVE\n"),
            ("sys/class/infiniband/mlx4_0/ports/1/phys_state", "5: LinkUp\n"),
            ("sys/class/infiniband/mlx4_0/ports/1/rate", "40 Gb/sec (4X QDR)\n"),
            ("sys/class/infiniband/mlx4_0/ports/1/counters/port_rcv_data", "2221223609\n"),
            ("sys/class/infiniband/mlx4_0/ports/1/counters/VL15_dropped", "0\n"),
            ("sys/class/infiniband/mlx4_0/ports/1/hw_counters/lifespan", "10000\n"),
            ("sys/class/infiniband/mlx4_0/ports/1/hw_counters/out_of_buffer", "3\n"),
        ],
        &[
            "node_infiniband_info{board_id=\"SM_1141000001000\",device=\"mlx4_0\",firmware_version=\"2.31.5050\",hca_type=\"MT4099\"} 1",
            "node_infiniband_state_id{device=\"mlx4_0\",port=\"1\"} 4",
            "node_infiniband_rate_bytes_per_second{device=\"mlx4_0\",port=\"1\"} 5e+09",
            "node_infiniband_port_data_received_bytes_total{device=\"mlx4_0\",port=\"1\"} 8.884894436e+09",
            "node_infiniband_lifespan_seconds{device=\"mlx4_0\",port=\"1\"} 10",
            "node_infiniband_out_of_buffer_drops_total{device=\"mlx4_0\",port=\"1\"} 3",
        ],
    );
}

#[test]
fn the_load_balancer() {
    check(
        "ipvs",
        &[
            (
                "proc/net/ip_vs_stats",
                "   Total Incoming Outgoing         Incoming         Outgoing\n   Conns  Packets  Packets            Bytes            Bytes\n 16AA370 E33656E5        0     51D8C8883AB3                0\n\n Conns/s   Pkts/s   Pkts/s          Bytes/s          Bytes/s\n       4    1FB3C        0          1282A8F                0\n",
            ),
            (
                "proc/net/ip_vs",
                "IP Virtual Server version 1.2.1 (size=4096)\nProt LocalAddress:Port Scheduler Flags\n  -> RemoteAddress:Port Forward Weight ActiveConn InActConn\nTCP  C0A80016:0CEA wlc\n  -> C0A85216:0CEA      Tunnel  100    248        2\nTCP  [2620:0000:0000:0000:0000:0000:0000:0001]:0050 rr\n  -> [2620:0000:0000:0000:0000:0000:0000:0002]:0050 Route 1 0 1\nFWM  10001000 wlc\n  -> C0A85216:0CEA      Route   0      0          1\n",
            ),
        ],
        &[
            "node_ipvs_connections_total 2.3765872e+07",
            "node_ipvs_incoming_bytes_total 8.9991519156915e+13",
            "node_ipvs_backend_connections_active{local_address=\"192.168.0.22\",local_mark=\"\",local_port=\"3306\",proto=\"TCP\",remote_address=\"192.168.82.22\",remote_port=\"3306\"} 248",
            "node_ipvs_backend_weight{local_address=\"2620::1\",local_mark=\"\",local_port=\"80\",proto=\"TCP\",remote_address=\"2620::2\",remote_port=\"80\"} 1",
            "node_ipvs_backend_connections_inactive{local_address=\"\",local_mark=\"10001000\",local_port=\"0\",proto=\"FWM\",remote_address=\"192.168.82.22\",remote_port=\"3306\"} 1",
        ],
    );
}

#[test]
fn network_file_systems() {
    check(
        "nfs",
        &[(
            "proc/net/rpc/nfs",
            "net 70 70 69 45\nrpc 1218785755 374636 1218815394\nproc2 18 16 57 74 52 71 73 45 86 0 52 83 61 17 53 50 23 70 82\nproc3 22 0 1061909262 48906 4077635 117661341 5 29391916 2570425 2993289 590 0 0 7815 15 1130 0 3983 92385 13332 2 1 23729\nproc4 3 98 51 54\n",
        )],
        &[
            "node_nfs_packets_total{protocol=\"tcp\"} 69",
            "node_nfs_rpc_retransmissions_total 374636",
            "node_nfs_requests_total{method=\"GetAttr\",proto=\"2\"} 57",
            "node_nfs_requests_total{method=\"Commit\",proto=\"3\"} 23729",
            "node_nfs_requests_total{method=\"Write\",proto=\"4\"} 54",
            "node_nfs_requests_total{method=\"Clone\",proto=\"4\"} 0",
        ],
    );
    check(
        "nfsd",
        &[(
            "proc/net/rpc/nfsd",
            "rc 0 6 18622\nfh 3 0 0 0 0\nio 157286400 72864\nth 8 0 0.000 0.000\nra 32 0 0 0 0 0 0 0 0 0 0 9\nnet 18628 1 18628 6\nrpc 18628 3 1 2 0\nproc2 18 2 69 0 0 4410 0 0 0 0 0 0 0 0 0 0 0 99 2\nproc3 22 2 112 0 2719 111 0 0 0 0 0 0 0 0 0 0 0 27 216 0 2 1 0\nproc4 2 2 10853\nproc4ops 40 0 0 0 1098 2 0 0 0 0 8179 5896 0 0 0 0 5900 0 0 2 0 2 0 9609 0 2 150 1272 0 0 0 1236 0 0 0 0 3 3 0 0 77\n",
        )],
        &[
            "node_nfsd_reply_cache_nocache_total 18622",
            "node_nfsd_file_handles_stale_total 3",
            "node_nfsd_server_threads 8",
            "node_nfsd_read_ahead_cache_not_found_total 9",
            "node_nfsd_rpc_errors_total{error=\"auth\"} 2",
            "node_nfsd_requests_total{method=\"Lookup\",proto=\"2\"} 4410",
            "node_nfsd_requests_total{method=\"ReadDirPlus\",proto=\"3\"} 216",
            "node_nfsd_requests_total{method=\"Access\",proto=\"4\"} 1098",
            "node_nfsd_requests_total{method=\"RelLockOwner\",proto=\"4\"} 77",
            "node_nfsd_requests_total{method=\"WdelegGetattr\",proto=\"4\"} 0",
        ],
    );
}

#[test]
fn xfs_file_systems() {
    check(
        "xfs",
        &[
            (
                "sys/fs/xfs/sda1/stats/stats",
                "extent_alloc 1 97 0 0\nabt 0 0 0 0\nblk_map 61 29 0 1 1 91 0\nbmbt 0 0 0 0\ndir 3 2 1 52\ntrans 4 40 0\nig 5 1 0 4 0 0 1\nlog 8 21 0 5821 4\nrw 28 9\nattr 1 0 0 0\nvnodes 4 0 0 0 1 1 1 0\n",
            ),
            ("sys/fs/xfs/stats/stats", "extent_alloc 9 9 9 9\n"),
        ],
        &[
            "node_xfs_extent_allocation_blocks_allocated_total{device=\"sda1\"} 97",
            "node_xfs_block_mapping_extent_list_lookups_total{device=\"sda1\"} 91",
            "node_xfs_read_calls_total{device=\"sda1\"} 9",
            "node_xfs_write_calls_total{device=\"sda1\"} 28",
            "node_xfs_inode_operation_missed_total{device=\"sda1\"} 4",
            "node_xfs_vnode_active_total{device=\"sda1\"} 4",
        ],
    );
}

#[test]
fn zfs_pools() {
    check(
        "zfs",
        &[
            (
                "proc/spl/kstat/zfs/arcstats",
                "6 1 0x01 91 4368 5266997922 97951858082072\nname                            type data\nhits                            4    8772612\nmemory_available_bytes          3    -922337203\nname-string                     7    text\n",
            ),
            (
                "proc/spl/kstat/zfs/pool 1/io",
                "12 3 0x00 1 80 79205351707403 395818011156865\nnread    nwritten reads    writes   wtime    wlentime wupdate  rtime    rlentime rupdate  wcnt     rcnt\n1884160  3206144  22       132      7155162  104112268 79210489694949 24168078 104112268 79210489849220 0  0\n",
            ),
            (
                "proc/spl/kstat/zfs/pool 1/objset-1",
                "23 1 0x01 7 2160 221578688875 6665999035587\nname                            type data\ndataset_name                    7    pool 1/data set\nwrites                          4    10\n",
            ),
            ("proc/spl/kstat/zfs/pool 1/state", "DEGRADED\n"),
        ],
        &[
            "node_zfs_arc_hits 8.772612e+06",
            "# TYPE node_zfs_arc_hits untyped",
            "# HELP node_zfs_arc_hits kstat.zfs.misc.arcstats.hits",
            "node_zfs_arc_memory_available_bytes -9.22337203e+08",
            "node_zfs_zpool_nread{zpool=\"pool 1\"} 1.88416e+06",
            "node_zfs_zpool_dataset_writes{dataset=\"pool 1/data set\",zpool=\"pool 1\"} 10",
            "node_zfs_zpool_state{state=\"degraded\",zpool=\"pool 1\"} 1",
            "node_zfs_zpool_state{state=\"online\",zpool=\"pool 1\"} 0",
        ],
    );
}
