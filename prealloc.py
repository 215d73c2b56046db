import os,time,sys
def run(mode,d='/tmp/w'):
    p=d+'/pa.bin'
    try: os.unlink(p)
    except: pass
    fd=os.open(p,os.O_RDWR|os.O_CREAT)
    STEP=4<<20
    buf=b'\7'*600
    res=0;off=4096;t=[]
    os.pwrite(fd,b'\0'*4096,0);os.fsync(fd)
    end=time.time()+3
    while time.time()<end:
        a=time.perf_counter()
        if mode!='plain' and off+600>res:
            if mode=='falloc': os.posix_fallocate(fd,0,res+STEP)
            else: os.pwrite(fd,b'\0'*STEP,res)
            res+=STEP
        os.pwrite(fd,buf,off);os.fdatasync(fd);off+=600
        t.append(time.perf_counter()-a)
    t.sort();n=len(t)
    print(mode,'p50 %.1fus p99 %.1fus n=%d'%(t[n//2]*1e6,t[n*99//100]*1e6,n))
    os.close(fd);os.unlink(p)
for i in range(2):
    for m in ('plain','falloc','zeros'): run(m)
